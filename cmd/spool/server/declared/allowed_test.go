package declared

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"

	_ "github.com/gospool/spool/stages"
	_ "github.com/gospool/spool/stages/example"
	_ "github.com/gospool/spool/stages/ingest/file"
	_ "github.com/gospool/spool/stages/ingest/testpattern"
	_ "github.com/gospool/spool/stages/webhook"
)

// silentConfig belongs to a stage whose author did not declare what its settings reach.
type silentConfig struct {
	Number int               `yaml:"number"`
	Choice string            `yaml:"choice" oneof:"a b"`
	Tell   string            `yaml:"tell"`
	Many   []string          `yaml:"many"`
	By     map[string]string `yaml:"by"`
	Inner  struct {
		Loose *config.Node `yaml:"loose"`
		Any   any          `yaml:"any"`
	} `yaml:"inner"`
	Link config.URL     `yaml:"link"`
	Run  config.Command `yaml:"run"`
	Safe string         `yaml:"safe" reaches:"nothing"`
}

type silent struct{}

func (silent) Process(_ context.Context, v int, emit pipeline.Emit[int]) error { return emit(v) }
func (silent) Flush(context.Context, pipeline.Emit[int]) error                 { return nil }

func init() {
	pipeline.RegisterTransform("silent", silentConfig{}, "", func(pipeline.Settings, silentConfig) (pipeline.Transform[int, int], error) { return silent{}, nil })
}

// based returns a configuration that pipelines are declared over.
func based(t testing.TB, text string) *base {
	t.Helper()
	b, err := newBase(configured(t, text))
	require.NoError(t, err)
	return b
}

// TestEverySettingOfAStageDeclaresItsReach checks that every setting that can hold text has
// the tag reaches.
func TestEverySettingOfAStageDeclaresItsReach(t *testing.T) {
	said := 0
	for _, s := range pipeline.Stages() {
		for _, m := range s.Reaches() {
			said++
			require.True(t, s.Name == "silent" || m.Text != "", "%s/%s: add the tag reaches, or reaches:\"nothing\"", s.Name, m.Path)
		}
	}
	require.Greater(t, said, 15)
}

// TestASettingWithoutAReachTagIsRefused checks that a pipeline made by API may not set a setting
// without the tag, in any form.
func TestASettingWithoutAReachTagIsRefused(t *testing.T) {
	b := based(t, "")
	for text, refused := range map[string]bool{
		"{}": false, "{number: 3}": true, "{choice: a}": false, "{safe: /etc/shadow}": false, "{tell: null}": false,
		"{tell: x}": true, "{tell: {a: b}}": true, "{many: [x]}": true, "{many: x}": true, "{by: {x: y}}": true, "{inner: {loose: 1}}": true,
		"{inner: {any: [x]}}": true, "{link: 'http://x'}": true, "{run: [x]}": true,
	} {
		for _, stages := range []string{"[silent: " + text + "]", "[tee: {branches: [{name: a, stages: [silent: " + text + "]}]}]", "[{silent: " + text + "}, nothing]"} {
			n, err := config.Parse("x", []byte(stages))
			require.NoError(t, err)
			problems := append(b.forbidden(n), b.overlay.Exceeded(&config.Node{IsMap: true, Entries: []config.Entry{{Key: "stages", Value: n}}})...)
			require.Equal(t, refused, len(problems) > 0, "%s: %v", stages, problems)
			if refused {
				require.Contains(t, problems[0].Path, "silent/")
				require.NotEmpty(t, problems[0].Hint)
				require.Equal(t, 1, problems[0].Pos.Line)
			}
		}
	}
}

// TestPipelinesMadeByRequestUseAllowedResourcesOnly checks the resources that a configuration allows.
func TestPipelinesMadeByRequestUseAllowedResourcesOnly(t *testing.T) {
	b := based(t, `
mp4: {record_path: /records}
declare:
  exec: [{name: done, command: [/bin/true, "{path}"], concurrency: 2}]
  webhooks: [{name: office, url: "http://10.0.0.5/x", secret_env: OFFICE}]
  directories: [/more]
`)
	for stages, wrong := range map[string]string{
		"[source, segmenter, mp4, exec: {use: done}, webhook: {use: office}, metadata]":                                 "",
		"[source, segmenter, mp4, exec: {use: done, timeout: 5s}, metadata]":                                            "",
		"[source, segmenter, mp4: {record_path: /records/a}, metadata]":                                                 "",
		"[source, segmenter, mp4: {record_path: /more}, exec: {use: done, record_path: /more}, metadata]":               "",
		"[source, segmenter, mp4: {record_path: null, timezone: UTC}, metadata]":                                        "",
		"[source, segmenter, mp4: {file_mode: '0640', dir_mode: '0750', group: ''}, metadata]":                          "",
		"[source, segmenter, mp4: {file_mode: '0600'}, metadata]":                                                       "mp4/file_mode",
		"[source, segmenter, mp4, exec: {use: done, concurrency: 9}, metadata]":                                         "exec/concurrency",
		"[source, segmenter, mp4, exec: {use: office}, metadata]":                                                       "exec/use",
		"[source, segmenter, mp4, exec: {use: done, command: []}, metadata]":                                            "exec/command",
		"[source, segmenter, mp4, webhook: {use: office, secret_env: HOME}, metadata]":                                  "webhook/secret_env",
		"[source, segmenter, mp4: {record_path: /records-more}, metadata]":                                              "mp4/record_path",
		"[source, segmenter, mp4: {record_path: /more/../etc}, metadata]":                                               "mp4/record_path",
		"[source, segmenter, mp4: {record_path: [/more]}, metadata]":                                                    "mp4/record_path",
		"[source, motion: {protect: false}, gop_ring, segmenter, mp4, metadata]":                                        "",
		"[source, motion: {name: door, protect: true}, gop_ring, segmenter, mp4, metadata]":                             "stages/1/motion/protect: it protects recordings from deletion",
		"[source, motion: {protect: true}, gop_ring, tee: {branches: [{name: a, stages: [segmenter, mp4, metadata]}]}]": "stages/1/motion/protect",
		"[file: {path: /records/a.mp4}, segmenter, mp4, metadata]":                                                      "file/path",
	} {
		n, err := config.Parse("x", []byte("stages: "+stages))
		require.NoError(t, err)
		problems := b.judge("made", n).problems
		if wrong == "" {
			require.Empty(t, problems, stages)
			continue
		}
		require.NotEmpty(t, problems, stages)
		require.Contains(t, problems.Error(), wrong, stages)
	}
	n, err := config.Parse("x", []byte("stages: [source, segmenter, mp4: {record_path: null}, metadata]"))
	require.NoError(t, err)
	m := b.judge("made", n)
	require.Empty(t, m.problems)
	mp4 := m.pipeline.Stages.List[2].Get("mp4")
	dir, _ := mp4.Get("record_path").Text()
	require.Equal(t, "/records", dir, "a setting without a value is inherited")
}

// TestABrokenFileOfStoredPipelinesIsRefused checks that the pipelines of the configuration run although the
// stored ones are refused with the reason.
func TestABrokenFileOfStoredPipelinesIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"clips: {stages: [sorce]}":     "did you mean source?",
		"clips: [":                     "not YAML",
		"[clips]":                      "no map of pipelines",
		"'a b': {stages: [source]}":    "a pipeline's name is",
		"clips: {stages: [source: 1]}": "source",
	} {
		record := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(record, ".spool-pipelines.yaml"), []byte(text), 0o600))
		state, err := Read(configured(t, "mp4: {record_path: "+record+"}\n"))
		require.NoError(t, err, text)
		require.Len(t, state.Pipelines, 2, text) // those of the blocks mp4 and egress
		said := ""
		for _, wrong := range state.Refused {
			said += wrong.Error()
			require.Contains(t, said, ".spool-pipelines.yaml", text)
		}
		if state.unread != nil {
			said += state.unread.Error()
		}
		require.Contains(t, said, want, text)
		require.Len(t, state.Refusals(), 1, text)
	}
}
