package pipeline_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// numbered has settings of two kinds, one of them kept as written.
type numbered struct {
	Every config.Duration `yaml:"every"`
	Size  config.Size     `yaml:"size"`
	Inner *config.Node    `yaml:"inner"`
	Odd   opaque          `yaml:"odd"`
}

// opaque cannot be shown.
type opaque struct{ text string }

func (o *opaque) UnmarshalText(b []byte) error { o.text = string(b); return nil }

func init() {
	pipeline.RegisterSource("numbered", numbered{Size: 1 << 20}, "", func(pipeline.Settings, numbered) (pipeline.Source[*token], error) {
		return numbers{}, nil
	})
}

func TestSameComparesTheMeaningOfSettings(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"{every: 10s}", "{every: 10}", true},
		{"{every: 10s}", "{every: 11}", false},
		{"{}", "{size: 1MiB}", true},
		{"{size: 1KiB}", "{size: 1MiB}", false},
		{"{inner: {a: 1}}", "{inner:    {a: 1}}", true},
		{"{inner: {a: 1}}", "{inner: {a: 2}}", false},
		{"{inner: {a: [1]}}", "{inner: {a: [1, 2]}}", false},
		{"{odd: x, every: 1}", "{odd: x, every: 1}", true},
		{"{odd: x}", "{odd: y}", false},
	} {
		a, b := compile(t, "[numbered: "+c.a+", collect]"), compile(t, "[numbered: "+c.b+", collect]")
		require.Equal(t, c.same, a.Same(b), "%s and %s", c.a, c.b)
		require.Equal(t, c.same, b.Same(a), "%s and %s", c.b, c.a)
	}
	require.False(t, compile(t, "[numbered, collect]").Same(compile(t, "[numbered, twice, collect]")))
	require.False(t, compile(t, "[numbers, twice, collect]").Same(compile(t, "[numbers, queue, collect]")))
}
