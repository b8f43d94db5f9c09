package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// part holds the settings of a part that registers itself.
type part struct {
	Listen string `yaml:"listen" doc:"Where."`
	Most   int    `yaml:"most"`
}

// house is a configuration with parts that its package does not know.
type house struct {
	Word  string `yaml:"word"`
	Parts Blocks `blocks:"blocks-test"`
}

func init() {
	RegisterBlock("blocks-test", "door", Block{Defaults: part{Listen: "here", Most: 3}, Doc: "A door.", Check: func(v any) (ps Problems) {
		if v.(*part).Most < 0 {
			ps = append(ps, At("most", "is negative"))
		}
		return ps
	}})
}

func decodeHouse(t *testing.T, text string) (house, Problems) {
	t.Helper()
	n, err := Parse("h.yaml", []byte(text))
	require.NoError(t, err)
	var h house
	return h, n.Decode(&h)
}

func TestSettingsOfARegisteredPartAreFieldsUnderItsName(t *testing.T) {
	n, err := Parse("h.yaml", []byte("word: w\ndoor:\n  most: 5\n"))
	require.NoError(t, err)
	var one, other house
	require.Empty(t, n.Decode(&one))
	require.Equal(t, part{Listen: "here", Most: 5}, *one.Parts["door"].(*part))
	empty, err := Parse("h.yaml", []byte("door: {}\n"))
	require.NoError(t, err)
	require.Empty(t, empty.Decode(&other))
	require.Equal(t, part{Listen: "here", Most: 3}, *other.Parts["door"].(*part), "each has the defaults, whatever another one was given")

	require.Equal(t, "word: w\n# A door.\ndoor:\n  # Where.\n  listen: here\n  most: 5\n", string(Encode(one, Style{Docs: true})))
	_, docs := Describe(house{})
	require.Equal(t, "Where.", docs["door/listen"])
	properties := Schema(house{}, func(string) map[string]any { return nil })["properties"].(map[string]any)
	require.Equal(t, "A door.", properties["door"].(map[string]any)["description"])
	require.Equal(t, []Mark{{"door/listen", "Where."}}, Marks(house{}, "doc")[1:])
}

func TestErrorsOfARegisteredPartHaveTheirLine(t *testing.T) {
	for text, says := range map[string]string{
		"door:\n  mots: 1\n":  `h.yaml:2:3: door/mots: unknown key "mots", did you mean "most"? (known here: listen, most)`,
		"word: w\ndor: {}\n":  `h.yaml:2:1: dor: unknown key "dor", did you mean "door"? (known here: word, door)`,
		"door:\n  most: -1\n": "h.yaml:2:9: door/most: is negative",
		"door:\n  most: x\n":  `h.yaml:2:9: door/most: a whole number is wanted here, this is the text "x" (for example 10)`,
	} {
		_, ps := decodeHouse(t, text)
		require.Equal(t, says, ps.Error(), text)
	}
}

func TestTwoPartsHaveNotOneName(t *testing.T) {
	require.Panics(t, func() { RegisterBlock("blocks-test", "door", Block{Defaults: part{}}) })
	require.Panics(t, func() { RegisterBlock("blocks-test", "number", Block{Defaults: 3}) })
	RegisterBlock("blocks-test-taken", "word", Block{Defaults: part{}})
	type taken struct {
		Word  string `yaml:"word"`
		Parts Blocks `blocks:"blocks-test-taken"`
	}
	require.Panics(t, func() { Describe(taken{}) }, "a setting has this name")
}
