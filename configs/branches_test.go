package configs_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The stages of a branch inherit the mp4 block as those of a pipeline do.
func TestStagesOfBranchesInheritTheMP4Block(t *testing.T) {
	c := load(t, inDir(t, `
mp4: {record_path: /data, max_duration: 600}
pipelines:
  a:
    stages:
      - source
      - tee:
          branches:
            - {name: all, stages: [segmenter, mp4, metadata]}
            - {name: own, stages: [segmenter: {max_duration: 60}, tee: {branches: [{name: deep, stages: [mp4: {record_path: /other}, metadata]}]}]}
`))
	branches := c.Pipelines["a"].Stages.List[1].Get("tee").Get("branches").List
	all, own := branches[0].Get("stages").List, branches[1].Get("stages").List
	require.Equal(t, "/data", all[1].Get("mp4").Get("record_path").Scalar)
	require.Equal(t, "pipelines/a/stages/1/tee/branches/0/stages/1/mp4/record_path", all[1].Get("mp4").Get("record_path").Path)
	require.NotNil(t, all[0].Get("segmenter").Get("max_duration"))
	require.EqualValues(t, 60, own[0].Get("segmenter").Get("max_duration").Scalar)
	deep := own[1].Get("tee").Get("branches").List[0].Get("stages").List
	require.Equal(t, "/other", deep[0].Get("mp4").Get("record_path").Scalar)
	require.NotNil(t, deep[0].Get("mp4").Get("filename_pattern"))
}
