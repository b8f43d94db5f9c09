package configs_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/recorder"
)

func node(t *testing.T, text string) *config.Node {
	t.Helper()
	n, err := config.Parse("body", []byte(text))
	require.NoError(t, err)
	return n
}

func TestPipelinesOverAConfiguration(t *testing.T) {
	c := load(t, inDir(t, "mp4: {max_duration: 90}\npipelines: {a: {stages: [source, segmenter]}}\n"))
	over, declared := c.Overlay(), map[configs.PipelineName]configs.Pipeline{}
	for name, text := range map[configs.PipelineName]string{
		"a": "stages: [source, mp4]",
		"b": `{"streams": ["live/*"], "record": "always", "stages": [{"segmenter": {}}]}`,
	} {
		p, problems := over.Pipeline(string(name), node(t, text))
		require.Empty(t, problems)
		declared[name] = p
	}
	with := c.With(declared)
	require.Len(t, recording(c), 1, "the configuration itself stays")
	require.Len(t, with.Pipelines["a"].Stages.List, 2)
	require.NotNil(t, with.Pipelines["a"].Stages.List[1].Get("mp4").Get("record_path"))
	require.Equal(t, "always", with.Pipelines["b"].Record)
	require.Contains(t, string(with.Pipelines["b"].Shown(true)), "max_duration: 1m30s", "an omitted setting comes from the mp4 block")
}

func TestBadPipelinesOverAConfiguration(t *testing.T) {
	c := configs.Default().Overlay()
	for text, want := range map[string]string{
		"stages: [source]\nrecord: sometimes": "body:2:9: record: unknown value",
		"streams: ['**']":                     "body:1:1: stages: a list of stages is wanted",
		"[1]":                                 "body:1:1: a map of settings is wanted",
		"":                                    "a list of stages is wanted",
	} {
		_, problems := c.Pipeline("x", node(t, text))
		require.Contains(t, problems.Error(), want)
	}
	_, problems := c.Pipeline("a/b", node(t, "stages: [source]"))
	require.Contains(t, problems.Error(), "a pipeline's name is")
}

func TestSecretsOfAPipelineAreNotShown(t *testing.T) {
	p := configs.Pipeline{Stages: node(t, `[webhook: {url: "https://u:s3cret@h/x", token: s3cret}]`)}
	require.NotContains(t, string(p.Shown(true)), "s3cret")
}

func TestAgendaOfTheCrontab(t *testing.T) {
	c := load(t, inDir(t, `mp4: {timezone: Asia/Tokyo}
crontab:
  jobs:
    - {name: day, cron: "0 8 * * *", action: record_start, stream: live/a, duration: 28800, timezone: Europe/Berlin}
    - {cron: "@every 2h", action: record_stop, stream: live/a}
`))
	agenda, problems := c.Agenda()
	require.Empty(t, problems)
	require.Len(t, agenda, 2)
	require.Equal(t, 8*time.Hour, agenda[0].Duration)
	require.Equal(t, "Europe/Berlin", agenda[0].Cron.Location().String())
	require.Equal(t, "record_stop live/a", agenda[1].Name)
	require.Equal(t, recorder.RecordStop, agenda[1].Action)
	require.Equal(t, "Asia/Tokyo", agenda[1].Cron.Location().String())
}
