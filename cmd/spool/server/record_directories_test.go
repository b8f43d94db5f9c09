package server

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/stages"
)

const severalDirs = `
mp4: {record_path: /data/, filename_pattern: "a.mp4"}
pipelines:
  one:
    stages: [source, gop_ring, segmenter, mp4, {exec: {command: [one], timeout: 5s}}, metadata]
  two:
    streams: [cam/*]
    stages:
      - source
      - tee:
          branches:
            - {name: here, stages: [segmenter, mp4: {filename_pattern: "b.mp4"}, {exec: {command: [two]}}, metadata]}
            - {name: there, stages: [segmenter, mp4: {record_path: /other/x/.., filename_pattern: "c.mp4"}, metadata]}
            - {name: twice, stages: [segmenter, mp4: {record_path: /again}, metadata]}
`

func loadText(t *testing.T, text string) *configs.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "spool.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	cfg, err := configs.Load(configs.Options{File: file, Check: Problems})
	require.NoError(t, err)
	return cfg
}

// The record directory of a stage in a branch counts like that of the pipeline's own stage.
func TestRecordDirectoriesAreThoseOfAllStages(t *testing.T) {
	cfg := loadText(t, severalDirs)
	require.Equal(t, []string{"/data", "/again", "/other"}, RecordDirectories(cfg))
	found := patterns(cfg)
	require.ElementsMatch(t, []string{"a.mp4", "b.mp4"}, found["/data"])
	require.Equal(t, []string{"a.mp4"}, found["/again"])
	require.Equal(t, []string{"c.mp4"}, found["/other"])
	require.Len(t, found, 3)
}

// A kept command runs with the settings of the stage that kept it, wherever that stage is
// declared.
func TestTheStageOfAKeptCommandIsFound(t *testing.T) {
	cfg := loadText(t, severalDirs)
	for _, name := range []string{"one", "two"} {
		sum := sha256.Sum256([]byte(name))
		kept := stages.KeptCommand{Pipeline: name, Key: hex.EncodeToString(sum[:8])}
		found, ok := execStage(cfg, kept)
		require.True(t, ok, name)
		require.Equal(t, []string{name}, found.Command.Reveal())
		require.Equal(t, "/data/", found.RecordPath)
		_, ok = execStage(cfg, stages.KeptCommand{Pipeline: name, Key: "another"})
		require.False(t, ok)
	}
}
