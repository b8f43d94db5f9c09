package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/config"
)

type withURLs struct {
	Pull config.URLs `yaml:"pull"`
}

func TestURLsAreOneOrAList(t *testing.T) {
	for text, want := range map[string][]string{
		`pull: rtsp://h/a`:                   {"rtsp://h/a"},
		`pull: [rtsp://h/a]`:                 {"rtsp://h/a"},
		`pull: [rtsp://h/a, "rtsp://h/b#c"]`: {"rtsp://h/a", "rtsp://h/b#c"},
		`pull: ""`:                           nil,
		`pull: []`:                           nil,
	} {
		n, err := config.Parse("a.yaml", []byte(text))
		require.NoError(t, err)
		var got withURLs
		require.Empty(t, n.Decode(&got), text)
		require.Equal(t, want, got.Pull.Reveal(), text)
		require.Equal(t, len(want) == 0, got.Pull.Empty(), text)
	}
}

func TestBrokenURLsAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		`pull: 5`:                             "a.yaml:1:7: pull: a URL is wanted here, or a list of URLs",
		`pull: {a: b}`:                        "a.yaml:1:7: pull: a URL is wanted here, or a list of URLs",
		`pull: ["rtsp://h/a", 5]`:             "a.yaml:1:22: pull/1: text is wanted here (in quotes, where it is a number or could be something else)",
		`pull: ["rtsp://h/a", "rtsp://${H}"]`: "a.yaml:1:22: pull/1: " + config.MsgVariable,
		`pull: "rtsp://${H}"`:                 "a.yaml:1:7: pull: " + config.MsgVariable,
		`pull: rtsp://h/…`:                    "a.yaml:1:7: pull: this stands for what is not shown (xxxxx or …): write the value itself",
		`pull: ["rtsp://h/…", "rtsp://h/a"]`:  "a.yaml:1:8: pull/0: this stands for what is not shown (xxxxx or …): write the value itself",
	} {
		n, err := config.Parse("a.yaml", []byte(text))
		require.NoError(t, err)
		problems := n.Decode(&withURLs{})
		require.Len(t, problems, 1, text)
		require.Equal(t, want, problems[0].Error(), text)
	}
}

// The text of a flag or an environment variable is a URL as it stands, or a list in brackets.
func TestURLsOfTheEnvironment(t *testing.T) {
	for text, want := range map[string][]string{
		"rtsp://h/a #b: c":         {"rtsp://h/a #b: c"},
		"[rtsp://h/a, rtsp://h/b]": {"rtsp://h/a", "rtsp://h/b"},
	} {
		n := &config.Node{IsMap: true, Entries: []config.Entry{{Key: "pull", Value: &config.Node{Path: "pull", Scalar: text}}}}
		var got withURLs
		require.Empty(t, n.Decode(&got))
		require.Equal(t, want, got.Pull.Reveal())
	}
}

// What is shown of a single URL is a text, as it was written.
func TestURLsAreShownAsTheyAreWritten(t *testing.T) {
	one, two := withURLs{config.NewURLs("rtsp://u:p@h/a")}, withURLs{config.NewURLs("rtsp://u:p@h/a", "rtsp://h2/")}
	require.Equal(t, "pull: \"rtsp://h/…\"\n", string(config.Encode(one, config.Style{})))
	require.Equal(t, "pull: [\"rtsp://h/…\", \"rtsp://h2/\"]\n", string(config.Encode(two, config.Style{})))
	require.Equal(t, "pull: [\"rtsp://u:p@h/a\", \"rtsp://h2/\"]\n", string(config.Reveal(two).YAML(config.Style{})))
	require.True(t, one == withURLs{config.NewURLs("rtsp://u:p@h/a")})
}
