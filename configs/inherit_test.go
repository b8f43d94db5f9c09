package configs_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	_ "github.com/gospool/spool/sinks/metadata"
	_ "github.com/gospool/spool/sinks/mp4"
	_ "github.com/gospool/spool/stages"
	_ "github.com/gospool/spool/stages/hub"
	_ "github.com/gospool/spool/stages/webhook"
)

// brandConfig is the configuration of a stage that this package does not know.
type brandConfig struct {
	Text   string          `yaml:"text" inherit:"mp4.filename_pattern"`
	Wait   config.Duration `yaml:"wait" inherit:"shutdown_timeout"`
	Level  string          `yaml:"level" inherit:"log.level"`
	Factor int             `yaml:"factor"`
}

type brand struct{}

func (brand) Consume(context.Context, int) error { return nil }
func (brand) Flush(context.Context) error        { return nil }

func init() {
	pipeline.RegisterSink("brand", brandConfig{Factor: 3}, "Is only in this test.",
		func(pipeline.Settings, brandConfig) (pipeline.Sink[int], error) { return brand{}, nil })
}

func TestAStageInheritsFromAnySettingThatItNames(t *testing.T) {
	o := inDir(t, `
mp4: {filename_pattern: "a.mp4"}
log: {level: warn}
pipelines:
  p:
    stages:
      - source
      - brand: {level: error}
      - tee: {branches: [{name: b, stages: [brand]}]}
`)
	o.Environ = []string{"SPOOL_SHUTDOWN_TIMEOUT=7"}
	c := load(t, o)
	list := c.Pipelines["p"].Stages.List
	own := list[1].Get("brand")
	require.Equal(t, map[string]any{"level": "error", "text": "a.mp4", "wait": "7s"}, own.Any())
	require.Equal(t, 2, own.Get("text").Pos.Line, "it is wrong where the other setting was written")
	require.Equal(t, "environment SPOOL_SHUTDOWN_TIMEOUT", own.Get("wait").Pos.File)
	require.Equal(t, "pipelines/p/stages/1/brand/wait", own.Get("wait").Path)
	branch := list[2].Get("tee").Get("branches").List[0].Get("stages").List[0].Get("brand")
	require.Equal(t, map[string]any{"level": "warn", "text": "a.mp4", "wait": "7s"}, branch.Any())
}

// A stage inherits the record directory of its own branch, and not that of another branch.
func TestAStageBehindInheritsTheDirectoryThatIsRecordedTo(t *testing.T) {
	c := load(t, inDir(t, `
mp4: {record_path: /all}
pipelines:
  p:
    stages:
      - source
      - tee:
          branches:
            - {name: a, stages: [segmenter, mp4: {record_path: /a}, exec: {command: [/bin/true]}, webhook: {url: "http://127.0.0.1/"}, metadata]}
            - {name: b, stages: [segmenter, mp4, exec: {command: [/bin/true]}, metadata]}
            - {name: c, stages: [segmenter, mp4: {record_path: /c}, exec: {command: [/bin/true], record_path: /own}, metadata]}
`))
	branches := c.Pipelines["p"].Stages.List[1].Get("tee").Get("branches").List
	for at, want := range map[[2]int]string{{0, 1}: "/a", {0, 2}: "/a", {0, 3}: "/a", {1, 1}: "/all", {1, 2}: "/all", {2, 1}: "/c", {2, 2}: "/own"} {
		stage := branches[at[0]].Get("stages").List[at[1]].Entries[0]
		got := stage.Value.Get("record_path")
		text, _ := got.Text()
		require.Equal(t, want, text, "%v %s", at, stage.Key)
		require.True(t, strings.HasSuffix(got.Path, stage.Key+"/record_path"), got.Path)
	}
}

// groupConfig is the configuration of a stage that runs lists of stages under names of its own.
type groupConfig struct {
	First *config.Node            `yaml:"first" means:"stages"`
	Named map[string]*groupOfList `yaml:"named"`
	Other *config.Node            `yaml:"stages"` // of something else
}

type groupOfList struct {
	Do *config.Node `yaml:"do" means:"stages"`
}

func init() {
	pipeline.RegisterSink("group", groupConfig{}, "Is only in this test.",
		func(pipeline.Settings, groupConfig) (pipeline.Sink[int], error) { return brand{}, nil })
}

// A stage itself declares which of its settings are lists of stages.
func TestStagesInheritInAnyListThatAStageDeclares(t *testing.T) {
	c := load(t, inDir(t, `
log: {level: warn}
pipelines:
  p:
    stages:
      - source
      - group: {first: [brand], named: {a: {do: [brand: {text: own}, {group: {first: [brand]}}]}, b: {do: brand}}, stages: [brand]}
`))
	group := c.Pipelines["p"].Stages.List[1].Get("group")
	whole := map[string]any{"brand": map[string]any{"level": "warn", "text": "{stream}_{date}_{time}.mp4", "wait": "30s"}}
	require.Equal(t, []any{whole}, group.Get("first").Any())
	do := group.Get("named").Get("a").Get("do").List
	require.Equal(t, "own", do[0].Get("brand").Get("text").Scalar)
	require.Equal(t, "warn", do[0].Get("brand").Get("level").Scalar)
	require.Equal(t, []any{whole}, do[1].Get("group").Get("first").Any())
	require.Equal(t, "brand", group.Get("named").Get("b").Get("do").Scalar, "the stage itself refuses a value that is no list")
	require.Equal(t, []any{"brand"}, group.Get("stages").Any())
}

// A stage is shown with its effective values, the inherited ones and the defaults included.
func TestStagesAreShownWithInheritedSettings(t *testing.T) {
	shown := map[string]any{}
	for _, s := range configs.Stages() {
		n, _ := config.Describe(s.Defaults)
		shown[s.Name] = n.Any()
	}
	require.Equal(t, map[string]any{"text": "{stream}_{date}_{time}.mp4", "wait": "30s", "level": "info", "factor": int64(3)}, shown["brand"])
	require.Equal(t, "./recordings", shown["exec"].(map[string]any)["record_path"])
	require.Equal(t, "10m", shown["exec"].(map[string]any)["timeout"])
}

// With two defaults for a setting it would be unclear which one holds, so the program does not start.
func TestNoSettingHasTwoDefaults(t *testing.T) {
	inherits := func(from string, value any) pipeline.StageInfo {
		i := config.Inherited{Key: "k", From: from}
		if value != nil {
			i.Default, _ = config.Describe(value)
		}
		return pipeline.StageInfo{Name: "s-" + from, Inherits: []config.Inherited{i}}
	}
	for _, c := range []struct {
		name, yaml string
		stages     []pipeline.StageInfo
		owned      map[string]any
		wrong      string
	}{
		{"one each", "mp4: {enable: true, timezone: UTC}", []pipeline.StageInfo{inherits("mp4/sync", "chunk"), inherits("mp4/sync", nil), inherits("mp4/timezone", nil)}, map[string]any{"memory/queue": 1}, ""},
		{"a stage and the file", "mp4: {sync: none}", []pipeline.StageInfo{inherits("mp4/sync", "chunk")}, nil, "mp4/sync has two defaults: default.yaml"},
		{"two stages", "", []pipeline.StageInfo{inherits("mp4/sync", "chunk"), inherits("mp4/sync", "none")}, nil, "mp4/sync has two defaults: stage"},
		{"a stage and a package", "", []pipeline.StageInfo{inherits("memory/queue", 1)}, map[string]any{"memory/queue": 1}, "memory/queue has two defaults"},
		{"a package and the file", "memory: {queue: 1}", nil, map[string]any{"memory/queue": 1}, "memory/queue has two defaults"},
		{"what is no setting", "", []pipeline.StageInfo{inherits("mp4/synk", nil)}, nil, "stage s-mp4/synk inherits mp4/synk, which is not a setting"},
	} {
		text, err := configs.Defaults([]byte(c.yaml), c.stages, c.owned)
		if c.wrong == "" {
			require.NoError(t, err, c.name)
			require.Equal(t, "memory:\n  queue: 1\nmp4:\n  sync: chunk\n", string(text))
			continue
		}
		require.ErrorContains(t, err, c.wrong, c.name)
	}
}

// The package names no stage: each stage declares its own inherited settings.
func TestNoStageIsNamedHere(t *testing.T) {
	stages := map[string]bool{}
	for _, s := range pipeline.Stages() {
		stages[s.Name] = s.Name != "mp4" // the block's name, too
	}
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	read := 0
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		read++
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, file.Name(), nil, 0)
		require.NoError(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			if text, is := n.(*ast.BasicLit); is && text.Kind == token.STRING {
				if name, err := strconv.Unquote(text.Value); err == nil && stages[name] {
					t.Errorf("%s: stage %s", fset.Position(n.Pos()), name)
				}
			}
			return true
		})
	}
	require.Greater(t, read, 10)
}
