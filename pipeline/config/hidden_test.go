package config_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"

	"github.com/gospool/spool/pipeline/config"
)

// canary is a secret that no output may contain.
const canary = "c4n4ry"

// hiding has a setting of every type that hides its value, and of types that do not.
type hiding struct {
	Secret      config.Secret          `yaml:"secret"`
	URL         config.URL             `yaml:"url"`
	URLs        config.URLs            `yaml:"urls"`
	OneURL      config.URLs            `yaml:"one_url"`
	DSN         config.DSN             `yaml:"dsn"`
	Token       config.Token           `yaml:"token"`
	Command     config.Command         `yaml:"command"`
	Environment config.Environment     `yaml:"environment"`
	Many        []config.Secret        `yaml:"many"`
	ByName      map[string]hidingBelow `yaml:"by_name"`

	secret  config.Secret
	command config.Command
}

type hidingBelow struct {
	Token *config.Secret `yaml:"token"`
}

func filled() hiding {
	token := config.NewSecret(canary + "1")
	return hiding{
		Secret: config.NewSecret(canary + "2"), URL: config.NewURL("https://" + canary + ":" + canary + "@host/" + canary + "?x=" + canary + "#" + canary),
		URLs: config.NewURLs("rtsp://"+canary+":"+canary+"@host/", "rtsp://host/"+canary), OneURL: config.NewURLs("rtsp://host/" + canary),
		Token: config.NewToken(canary + "0"), DSN: config.NewDSN("postgres://" + canary + ":" + canary + "@h/db?sslpassword=" + canary), Command: config.NewCommand("curl", "-H", canary),
		Environment: config.NewEnvironment("NAME="+canary, "HOME"), Many: []config.Secret{config.NewSecret(canary + "3")},
		ByName: map[string]hidingBelow{"a": {&token}}, secret: config.NewSecret(canary + "4"), command: config.NewCommand("sh", "-c", canary),
	}
}

// A hidden value does not appear, however it is printed, logged or encoded.
func TestHiddenValuesAreNotPrinted(t *testing.T) {
	v := filled()
	shown := map[string]string{}
	for _, verb := range []string{"v", "+v", "#v", "s", "q", "x", "X", "d", "p", "t", "c", "U", "20s", "-20v", "# x"} {
		for name, value := range map[string]any{"value": v, "pointer": &v, "secret": v.Secret, "url": v.URL, "urls": v.URLs, "dsn": v.DSN, "token": v.Token, "command": v.Command, "environment": v.Environment, "list": v.Many} {
			shown["%"+verb+" "+name] = fmt.Sprintf("%"+verb, value)
		}
	}
	text, err := json.Marshal(v)
	require.NoError(t, err)
	shown["json"] = string(text)
	text, err = yaml.Marshal(v)
	require.NoError(t, err)
	shown["yaml"] = string(text)
	text, err = xml.Marshal(v.Secret)
	require.NoError(t, err)
	shown["xml"] = string(text)
	shown["encode"] = string(config.Encode(v, config.Style{}))
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(h).With("with", v.URL).Info("m", "secret", v.Secret, "url", v.URL, "urls", v.URLs, "dsn", v.DSN, "command", v.Command, "environment", v.Environment, "all", v, "pointer", &v, "error", fmt.Errorf("%w of %v", errors.New("x"), v.Command))
	}
	shown["log"] = log.String()
	for how, out := range shown {
		require.NotContains(t, out, canary, how)
		require.NotContains(t, strings.ToLower(out), fmt.Sprintf("%x", canary), how)
	}
}

// Reveal returns the text, and two hidden values are equal if their texts are.
func TestHiddenValuesAreRevealed(t *testing.T) {
	require.Equal(t, "a", config.NewSecret("a").Reveal())
	require.True(t, config.NewSecret("a") == config.NewSecret("a"))
	require.False(t, config.NewSecret("a") == config.NewSecret("b"))
	require.Empty(t, config.Secret{}.Reveal())
	require.Empty(t, config.Secret{}.String(), "an absent secret is not shown as a masked one")
	require.True(t, config.NewURL("").Empty())
	args := []string{"a", "", "b c", ""}
	require.Equal(t, args, config.NewCommand(args...).Reveal())
	require.Equal(t, []string{""}, config.NewCommand("").Reveal())
	require.Nil(t, config.Command{}.Reveal())
	require.True(t, config.NewCommand(args...) == config.NewCommand(args...))
	v := filled()
	require.Contains(t, string(config.Reveal(v).YAML(config.Style{})), canary+"2")
	require.NotEqual(t, config.Reveal(v).Any(), config.Reveal(hiding{}).Any())
}

// Only the host, the program and the names are shown.
func TestShownPartsOfHiddenValues(t *testing.T) {
	for text, want := range map[string]string{
		"https://h:8443":                       "https://h:8443",
		"https://h/":                           "https://h/",
		"https://h/c4n4ry":                     "https://h/…",
		"https://h?c4n4ry":                     "https://h/…",
		"https://c4n4ry@h":                     "https://h/…",
		"rtsp://u:c4n4ry@10.0.0.5/stream1":     "rtsp://10.0.0.5/…",
		"rtsp://u:c4n/4ry@10.0.0.5/stream1":    "…",
		"user:c4n4ry@10.0.0.5/x":               "…",
		"c4n4ry":                               "…",
		"file:/c4n4ry.mp4":                     "file:…",
		"testpattern://?size=64x64&x=c4n4ry":   "testpattern:…",
		"rtsp://h/\x7fc4n4ry":                  "…",
		"https://h/x?X-Amz-Signature=c4n4ry&a": "https://h/…",
	} {
		require.Equal(t, want, config.NewURL(text).String(), text)
	}
	for text, want := range map[string]string{
		"./recordings/spool.db":                                "./recordings/spool.db",
		"file:spool.db?_key=c4n4ry":                            "file:spool.db?…",
		"postgres://u:c4n4ry@h1:5432/spool?sslpassword=c4n4ry": "postgres://h1:5432/spool?…",
		"postgres://u:c4n/4ry@h/spool":                         "…",
		"u:c4n4ry@tcp(127.0.0.1:3306)/spool":                   "tcp(127.0.0.1:3306)/spool?…",
		"u:c4n@4/ry@tcp(h:1)/spool?x=c4n4ry":                   "tcp(h:1)/spool?…",
		"u:c4n4ry@tcp(h:1)/spool?x=c4n@4ry":                    "…",
		"mysql://u:c4n4ry@tcp(h:1)/spool":                      "mysql://tcp(h:1)/spool?…",
		"u:c4n4ry@/spool":                                      "/spool?…",
		"u:c4n4ry@unix(/run/x.sock)/spool":                     "unix(/run/x.sock)/spool?…",
		"host=h user=u password=c4n4ry dbname=d port=1":        "host=h dbname=d port=1 …",
		"host = h password = 'c4n4ry host=c4n4ry'":             "host=h …",
		`password='c4n\'4ry host=c4n4ry' dbname=d`:             "dbname=d …",
		"password=c4n4ry":                                      "…",
		"c4n4ry=x@y":                                           "…",
	} {
		require.Equal(t, want, config.NewDSN(text).String(), text)
	}
	for _, c := range []struct{ args, want []string }{
		{[]string{"/usr/bin/true"}, []string{"/usr/bin/true"}},
		{[]string{"curl", "c4n4ry"}, []string{"curl", "…"}},
		{[]string{"curl -H c4n4ry"}, []string{"curl", "…"}},
		{[]string{"TOKEN=c4n4ry", "x"}, []string{"…"}},
		{[]string{"https://c4n4ry"}, []string{"…"}},
		{[]string{"u:c4n4ry@h"}, []string{"…"}},
	} {
		require.Equal(t, c.want, config.NewCommand(c.args...).Shown(), "%q", c.args)
	}
	require.Equal(t, []string{"A", "B=…"}, config.NewEnvironment("A", "B=c4n4ry").Shown())
	u, err := url.Parse("rtsp://u:c4n4ry@h/c4n4ry")
	require.NoError(t, err)
	require.Equal(t, "rtsp://h/…", config.ShownURL(u))
	require.Empty(t, config.ShownURL(nil))
}

// An error about a value of the wrong type does not quote it, in any setting.
func TestNoProblemQuotesAHiddenValue(t *testing.T) {
	for _, text := range []string{
		"secret: [c4n4ry]", "secret: {c4n4ry: c4n4ry}", "secret: 1234567", "secret: 0x1234567", "many: c4n4ry", "many: [[c4n4ry]]", "many: [1234567]",
		"by_name: c4n4ry", "by_name: [c4n4ry]", "by_name: {a: c4n4ry}", "by_name: {a: {tokn: c4n4ry}}", "by_name: {a: {token: [c4n4ry]}}",
		"command: c4n4ry", "command: curl -H c4n4ry", "command: [curl, {c4n4ry: c4n4ry}]", "command: [curl, 1234567]", "command: {curl: c4n4ry}",
		"url: [https://h/c4n4ry]", "dsn: {postgres: c4n4ry}", "environment: A=c4n4ry", "secrt: c4n4ry", "'https://h/c4n4ry': 1", "url: c4n4ry…", "dsn: 'c4n4ry…'",
	} {
		n, err := config.Parse("f", []byte(text))
		require.NoError(t, err)
		problems := n.Decode(&hiding{})
		require.NotEmpty(t, problems, text)
		require.NotContains(t, strings.ReplaceAll(problems.Error(), "f:1:", ""), canary, text)
		require.NotContains(t, problems.Error(), "1234567", text)
		n.Place(config.Pos{File: "environment X"}) // text in whose place anything may stand
		require.NotContains(t, n.Decode(&hiding{}).Error(), canary, text)
	}
	n := &config.Node{IsMap: true, Entries: []config.Entry{{Key: "command", Value: &config.Node{Path: "command", Scalar: "[curl, c4n4ry"}}}}
	require.NotContains(t, n.Decode(&hiding{}).Error(), canary, "text that is no list")
	n.Entries[0].Value.Scalar = "[curl, c4n4ry]"
	var v hiding
	require.Empty(t, n.Decode(&v))
	require.Equal(t, []string{"curl", canary}, v.Command.Reveal())
}

// A masked text is refused as a configuration, because it would have another meaning.
func TestMaskedValuesAreRefused(t *testing.T) {
	for _, text := range []string{"secret: xxxxx", "url: https://h/…", "dsn: …", "command: [curl, …]", "environment: [A=…]"} {
		n, err := config.Parse("f", []byte(text))
		require.NoError(t, err)
		require.ErrorContains(t, n.Decode(&hiding{}), "write the value itself", text)
	}
}

// The author of a URL sees all of it but passwords.
func TestOwnPartsOfURLs(t *testing.T) {
	config.RegisterCommandScheme("run")
	for text, want := range map[string]string{
		"srt://h:1?latency=5&passphrase=c4n4ry": "srt://h:1?latency=5&passphrase=xxxxx",
		"srt://h:1?streamid=a:u:c4n4ry&mode=b":  "srt://h:1?streamid=xxxxx&mode=b",
		"rtsp://u:c4n4ry@h/x?password=c4n4ry":   "rtsp://u:xxxxx@h/x?password=xxxxx",
		"rtsp://h/x?channel=1":                  "rtsp://h/x?channel=1",
		"run:a b %zz":                           "run:a b %zz",
	} {
		require.Equal(t, want, config.NewURL(text).Own())
	}
	require.Equal(t, "run:…", config.NewURL("run:sh -c c4n4ry@h").String())
	require.NotContains(t, config.Redact("cannot open: passphrase=c4n4ry"), "c4n4ry")
}

// A declaration is concealed by the types of its settings; its author sees everything except secrets.
func TestConceal(t *testing.T) {
	const text = `{secret: c4n4ry, url: "https://u:c4n4ry@h/path?q=1", command: [curl, arg], environment: [A=c4n4ry], many: [c4n4ry], by_name: {a: {token: c4n4ry}}, unknown: {x: [c4n4ry]}}`
	n, err := config.Parse("f", []byte(text))
	require.NoError(t, err)
	for own, want := range map[bool]string{
		false: `{secret: xxxxx, url: "https://h/…", command: [curl, "…"], environment: ["A=…"], many: [xxxxx], by_name: {a: {token: xxxxx}}, unknown: "…"}`,
		true:  `{secret: xxxxx, url: "https://u:xxxxx@h/path?q=1", command: [curl, arg], environment: ["A=…"], many: [xxxxx], by_name: {a: {token: xxxxx}}, unknown: "…"}`,
	} {
		expected, err := config.Parse("f", []byte(want))
		require.NoError(t, err)
		require.Equal(t, expected.Any(), config.Conceal(n, hiding{}, own, config.Cut).Any())
	}
	require.Contains(t, string(n.YAML(config.Style{})), canary, "the declaration itself stays as it is")
	wrong, err := config.Parse("f", []byte(`{secret: [c4n4ry], command: c4n4ry, by_name: c4n4ry, many: {a: c4n4ry}}`))
	require.NoError(t, err)
	require.NotContains(t, string(config.Conceal(wrong, hiding{}, true, config.Cut).YAML(config.Style{})), canary)
}
