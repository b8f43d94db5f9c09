package pipeline_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// boxConfig is the configuration of a stage that writes files, and runs stages in two places.
type boxConfig struct {
	Where string       `yaml:"where" means:"record_directory"`
	Inner *config.Node `yaml:"inner" means:"stages"`
	Sides []boxSide    `yaml:"sides"`
}

type boxSide struct {
	Names string       `yaml:"names" means:"file_pattern"`
	Does  *config.Node `yaml:"does" means:"stages"`
}

type box struct{}

func (box) Consume(context.Context, int) error { return nil }
func (box) Flush(context.Context) error        { return nil }

func newBox[C any](pipeline.Settings, C) (pipeline.Sink[int], error) { return box{}, nil }

func init() { pipeline.RegisterSink("box", boxConfig{}, "", newBox[boxConfig]) }

func TestEachStageOfAListIsFoundByWhatItsSettingsMean(t *testing.T) {
	list, err := config.Parse("test.yaml", []byte(`
- box:
    where: a
    inner: [box: {where: b}, nothing: {where: x}, box]
    sides: [{names: n}, {names: m, does: [{box: {where: c, inner: [box: {where: d}]}}]}]
    other: [box: {where: y}]
- {box: {where: z}, more: {}}
- box: {inner: no list, where: [e]}
`))
	require.NoError(t, err)
	var where, names []any
	seen := 0
	pipeline.EachStage(list, func(s *pipeline.StageInfo, settings *config.Node) {
		require.Equal(t, "box", s.Name)
		seen++
		for _, n := range s.Written(settings, pipeline.RecordDirectory) {
			where = append(where, n.Any())
		}
		for _, n := range s.Written(settings, pipeline.FilePattern) {
			names = append(names, n.Any())
		}
	})
	require.Equal(t, []any{"a", "b", "c", "d", []any{"e"}}, where)
	require.Equal(t, []any{"n", "m"}, names)
	require.Equal(t, 6, seen)
	pipeline.EachStage(nil, nil)
}

func TestASettingMeansSomethingKnown(t *testing.T) {
	type badConfig struct {
		Where string `yaml:"where" means:"record_dir"`
	}
	require.PanicsWithValue(t, `pipeline: stage "bad": no setting can mean "record_dir"`, func() {
		pipeline.RegisterSink("bad", badConfig{}, "", newBox[badConfig])
	})
}
