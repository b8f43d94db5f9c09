package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/config"
)

type marked struct {
	Own   string `yaml:"own" colour:"red"`
	Plain int    `yaml:"plain"`
	Inner inner  `yaml:"inner"`
	embedded
	List  []inner           `yaml:"list" colour:"white"`
	By    map[string]*inner `yaml:"by"`
	Loose *config.Node      `yaml:"loose" colour:"grey"`
	At    time.Time         `yaml:"at"`
	Self  []marked          `yaml:"self"`
}

type inner struct {
	Deep string `yaml:"deep" colour:"blue"`
}

type embedded struct {
	Below string `yaml:"below" colour:"green"`
}

func TestMarksAreFoundAtAnyDepth(t *testing.T) {
	require.Equal(t, []config.Mark{
		{"own", "red"}, {"inner/deep", "blue"}, {"below", "green"}, {"list", "white"}, {"list/*/deep", "blue"},
		{"by/*/deep", "blue"}, {"loose", "grey"},
	}, config.Marks(marked{}, "colour"))
	require.Empty(t, config.Marks(struct{}{}, "colour"))
}

const colours = "{own: a, list: [{deep: b}, c, {deep: d, other: e}], by: {x: {deep: f}, y: {deep: [g]}}}"

func TestAllThatIsAtThePathOfAMark(t *testing.T) {
	n, err := config.Parse("test.yaml", []byte(colours))
	require.NoError(t, err)
	for path, want := range map[string][]any{
		"own": {"a"}, "list/*/deep": {"b", "d"}, "by/*/deep": {"f", []any{"g"}}, "none": nil, "own/deep": nil, "list/deep": nil,
	} {
		var found []any
		for _, v := range n.All(path) {
			found = append(found, v.Any())
		}
		require.Equal(t, want, found, path)
	}
}

func TestEditLeavesTheOriginal(t *testing.T) {
	n, err := config.Parse("test.yaml", []byte(colours))
	require.NoError(t, err)
	before := n.Any()
	out := n.Edit("list/*/deep", func(v *config.Node) *config.Node {
		return &config.Node{Pos: v.Pos, Path: v.Path, Scalar: v.Scalar.(string) + "!"}
	}).Edit("by/*/deep", func(v *config.Node) *config.Node { return &config.Node{Pos: v.Pos, Path: v.Path, Scalar: 1} })
	require.Equal(t, before, n.Any())
	want, err := config.Parse("test.yaml", []byte("{own: a, list: [{deep: b!}, c, {deep: d!, other: e}], by: {x: {deep: 1}, y: {deep: 1}}}"))
	require.NoError(t, err)
	require.EqualValues(t, want.Get("list").Any(), out.Get("list").Any())
	require.Equal(t, 1, out.Get("by").Get("y").Get("deep").Scalar)
	require.Same(t, n.Get("own"), out.Get("own"))
}

// free has a setting of each form.
type free struct {
	Own    string            `yaml:"own" colour:"red"`
	Choice string            `yaml:"choice" oneof:"a b"`
	Some   []string          `yaml:"some" oneof:"a b"`
	Number int               `yaml:"number"`
	On     bool              `yaml:"on"`
	Long   config.Duration   `yaml:"long"`
	Large  config.Size       `yaml:"large"`
	List   []string          `yaml:"list"`
	Sides  []inner           `yaml:"sides" colour:"white"`
	By     map[string]int    `yaml:"by"`
	Loose  *config.Node      `yaml:"loose"`
	Any    any               `yaml:"any"`
	At     time.Time         `yaml:"at"`
	Inner  *inner            `yaml:"inner"`
	Self   []free            `yaml:"self"`
	Deep   [][]stringOfOurs  `yaml:"deep"`
	Secret map[string]string `yaml:"-"`
	Link   config.URL        `yaml:"link"`
	Run    config.Command    `yaml:"run"`
	Switch bool              `yaml:"switch"`
	Marked bool              `yaml:"marked" colour:"green"`
}

type stringOfOurs string

// A setting without any description is found, too.
func TestTextSettingsOfEveryFormAreFound(t *testing.T) {
	require.Equal(t, []config.Mark{
		{"own", "red"}, {"list", ""}, {"sides/*/deep", "blue"}, {"by", ""}, {"loose", ""}, {"any", ""}, {"at", ""},
		{"inner/deep", "blue"}, {"self", ""}, {"deep", ""}, {"link", ""}, {"run", ""}, {"marked", "green"},
	}, config.Texts(free{}, "colour"))
	require.Empty(t, config.Texts(struct{}{}, "colour"))
}

// A borrowed value is decoded and not written, at any depth.
func TestABorrowedValueIsDecodedAndNotWritten(t *testing.T) {
	n, err := config.Parse("test.yaml", []byte("{list: [{own: a, choice: b}], own: c}"))
	require.NoError(t, err)
	n.Get("list").List[0].Get("own").Borrowed = true
	n.Get("own").Borrowed = true
	var out struct {
		Own  string                         `yaml:"own"`
		List []struct{ Own, Choice string } `yaml:"list"`
	}
	require.Empty(t, n.Decode(&out))
	require.Equal(t, "c", out.Own)
	require.Equal(t, "a", out.List[0].Own)
	require.Equal(t, "list:\n  - choice: b\n", string(n.YAML(config.Style{})))
}
