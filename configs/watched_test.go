package configs_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/configs"
)

// recording returns the names of the pipelines that record, sorted.
func recording(c *configs.Config) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(c.Pipelines)) {
		if c.Pipelines[name].Record != "watched" {
			names = append(names, string(name))
		}
	}
	return names
}

func TestPipelinesForClientsThatWatch(t *testing.T) {
	for name, c := range map[string]struct {
		text    string
		all     []configs.PipelineName
		warning string
		live    string // must not record
	}{
		"by default":          {"", []configs.PipelineName{"default", "default-live"}, "", "default-live"},
		"beside a recording":  {"pipelines: {a: {stages: [source, segmenter]}}", []configs.PipelineName{"a", "default-live"}, "", "default-live"},
		"only a live one":     {"pipelines: {l: {streams: [live/*], stages: [source, live: {window: 1h}]}}", []configs.PipelineName{"default", "l"}, "", "default-live"},
		"with its mode":       {"pipelines: {l: {record: watched, stages: [source, live]}}", []configs.PipelineName{"default", "l"}, "", "default-live"},
		"nobody may watch":    {"egress: {enable: false}", []configs.PipelineName{"default"}, "", "default-live"},
		"declared in vain":    {"egress: {enable: false}\npipelines: {l: {stages: [source, live]}}", []configs.PipelineName{"default", "l"}, "nobody can watch", "default-live"},
		"its name is taken":   {"pipelines: {default-live: {stages: [source, segmenter]}}", []configs.PipelineName{"default-live"}, "nobody can watch: this pipeline records", ""},
		"the other is taken":  {"pipelines: {default: {stages: [source, live]}}", []configs.PipelineName{"default"}, "no pipeline records, and this one has the name", "default"},
		"nothing records":     {"mp4: {enable: false}\npipelines: {l: {stages: [source, live]}}", []configs.PipelineName{"l"}, "mp4.enable is false, and no pipeline records", "default"},
		"pulled for watching": {"streams: {live/a: {pull: 'rtsp://h/a'}}\npipelines: {a: {streams: [b], stages: [source, segmenter]}}", []configs.PipelineName{"a", "default-live"}, "only while a client watches", "default-live"},
		"never pulled":        {"egress: {enable: false}\nstreams: {live/a: {pull: 'rtsp://h/a'}}\npipelines: {a: {streams: [b], stages: [source, segmenter]}}", []configs.PipelineName{"a"}, "never pulled", "default-live"},
	} {
		t.Run(name, func(t *testing.T) {
			got := load(t, inDir(t, c.text+"\n"))
			require.Equal(t, c.all, slices.Sorted(maps.Keys(got.Pipelines)))
			for _, name := range recording(got) {
				require.NotContains(t, []string{"l", c.live}, name)
			}
			if c.warning == "" {
				require.Empty(t, got.Warnings)
			} else {
				require.ErrorContains(t, got.Warnings, c.warning)
			}
		})
	}
}
