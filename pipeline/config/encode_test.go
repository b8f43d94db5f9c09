package config_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gospool/spool/pipeline/config"
)

type shown struct {
	Common struct {
		Name string `yaml:"name" doc:"What it is called."`
		Mode string `yaml:"mode" oneof:"a b"`
	} `yaml:"common" doc:"What all have."`
	Wait  config.Duration        `yaml:"wait"`
	Limit config.Size            `yaml:"limit"`
	Jobs  []map[string]any       `yaml:"jobs"`
	Empty map[string]string      `yaml:"empty"`
	None  *shown                 `yaml:"none"`
	Gone  string                 `yaml:"gone,omitempty"`
	Raw   *config.Node           `yaml:"raw"`
	By    map[string]config.Size `yaml:"by"`
}

func TestEncodeExplainsEachSetting(t *testing.T) {
	v := shown{Wait: config.Duration(90 * time.Minute), Limit: 64 << 20, By: map[string]config.Size{"live/x": 1000, "a": 0}}
	v.Common.Name, v.Common.Mode = "true", "a"
	v.Jobs = []map[string]any{{"b": 1, "a": []any{"x", 2.0}}, {}}
	v.Raw = &config.Node{IsList: true, List: []*config.Node{{IsMap: true, Entries: []config.Entry{{Key: "k", Value: &config.Node{Scalar: "*"}}}}}}
	require.Equal(t, `# What all have.
common:
  # What it is called.
  name: "true"
  # (one of a, b)
  mode: a
wait: 1h30m
limit: 64MiB
jobs:
  - a: [x, 2.0]
    b: 1
  - {}
empty: {}
raw:
  - k: "*"
by:
  a: 0
  live/x: 1000
`, string(config.Encode(v, config.Style{Docs: true})))
}

func TestNotesStandBehindValues(t *testing.T) {
	n, err := config.Parse("f.yaml", []byte("a: 1\nb:\n  - x\n  - z: [1]\n"))
	require.NoError(t, err)
	note := func(n *config.Node) string { return n.Pos.String() }
	require.Equal(t, `a: 1  # f.yaml:1:4
b:
  - x  # f.yaml:3:5
  - z: [1]  # f.yaml:4:8
`, string(n.YAML(config.Style{Note: note})))
}

// anyTree draws a tree of YAML values.
func anyTree() *rapid.Generator[any] {
	scalar := rapid.OneOf(
		rapid.Just(any(nil)), rapid.Bool().AsAny(), rapid.Int64().AsAny(), rapid.String().AsAny(),
		rapid.Float64().AsAny(), rapid.Uint64Min(math.MaxInt64+1).AsAny(),
		rapid.SampledFrom([]string{"yes", "1", "1.5", "~", "- a", "a: b", "#", "10s", "0h1m", "a\nb", " x ", "<<", "*x", "&x", "!t", "[", "2024-01-01", "0x1", "1_0", ".5", "é", "+1", "1e3", "=", "..", "./x"}).AsAny(),
	)
	return rapid.Deferred(func() *rapid.Generator[any] {
		return rapid.OneOf(scalar, scalar, scalar,
			rapid.SliceOfN(anyTree(), 0, 3).AsAny(),
			rapid.MapOfN(rapid.String(), anyTree(), 0, 3).AsAny())
	})
}

func TestEncodedSettingsDecodeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyTree().Draw(t, "v")
		text := config.FromAny(v, "", nil).YAML(config.Style{})
		n, err := config.Parse("f", text)
		if err != nil {
			t.Fatalf("%s\nis refused: %v", text, err)
		}
		require.Equal(t, normal(v), normal(n.Any()), "%s", text)
	})
}

// normal maps values that YAML does not distinguish, such as empty and missing lists, to the same value.
func normal(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, 0, len(v))
		for _, e := range v {
			out = append(out, normal(e))
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			out[k] = normal(e)
		}
		return out
	case float64:
		if math.IsNaN(v) {
			return "NaN"
		}
	}
	return v
}
