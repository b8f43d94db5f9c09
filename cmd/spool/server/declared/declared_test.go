package declared

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/durable"

	_ "github.com/gospool/spool/sinks/metadata"
	_ "github.com/gospool/spool/sinks/mp4"
	_ "github.com/gospool/spool/stages"
	_ "github.com/gospool/spool/stages/ingest/rtsp"
)

func configured(t testing.TB, text string) *configs.Config {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, configs.FileName), []byte(text), 0o644))
	c, err := configs.Load(configs.Options{Dir: dir})
	require.NoError(t, err)
	return c
}

// writeKept stores declarations without a check of their content.
func writeKept(disk durable.FS, file string, declarations map[string]*config.Node) error {
	own := map[string]*made{}
	for name, n := range declarations {
		own[name] = newMade(name, n)
	}
	text, err := keptText(own)
	if err != nil {
		return err
	}
	return durable.Replace(disk, file, text, 0o600)
}

// Stored declarations are read back as they were declared, whatever they hold.
func TestKeptPipelinesAreReadBack(t *testing.T) {
	file := keptFile(t.TempDir())
	own, err := readKept(durable.Disk{}, file)
	require.NoError(t, err)
	require.Empty(t, own)
	for _, text := range []string{
		"streams: ['**', \"a: b\", '- x', '#y', 'ä\"']\nrecord: always\nstages:\n- source\n- webhook: {url: \"https://u:p@h/?a=1&b={x}\", secret: 'on'}\n",
		`{"stages":[{"mp4":{"fragment":true,"max":1e3,"none":null,"list":[],"map":{}}}]}`,
	} {
		n, err := config.Parse("x", []byte(text))
		require.NoError(t, err)
		require.NoError(t, writeKept(durable.Disk{}, file, map[string]*config.Node{"one": n, "2": n}))
		own, err = readKept(durable.Disk{}, file)
		require.NoError(t, err)
		require.Len(t, own, 2)
		require.Equal(t, n.Any(), own["one"].Any())
	}
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode(), "a declaration may hold a secret")
	require.NoError(t, writeKept(durable.Disk{}, file, nil))
	own, err = readKept(durable.Disk{}, file)
	require.NoError(t, err)
	require.Empty(t, own)
	left, err := filepath.Glob(filepath.Join(filepath.Dir(file), ".spool-*"))
	require.NoError(t, err)
	require.Equal(t, []string{file}, left, "no temporary file stays")
}

func TestSettingsThatWaitForARestart(t *testing.T) {
	base := configured(t, "http: {listen: 127.0.0.1:1}\nmp4: {max_duration: 5}\nstreams: {a: {}}\n")
	for text, want := range map[string][]string{
		"http: {listen: 127.0.0.1:1}\negress: {window: 1h, max_readers: 3}\nmp4: {max_duration: 5}\nstreams: {a: {}}\n": {"egress/max_readers"},
		"http: {listen: 127.0.0.1:1}\nmp4: {fragment: true}\nstreams: {b: {}}\ncrontab: {jobs: []}\n":                   nil,
		"http: {listen: 127.0.0.1:2}\nstreams: {a: {}}\n":                                                               {"http/listen"},
		"http: {listen: 127.0.0.1:1}\nmp4: {expire_days: 3}\nlog: {level: debug}\nstreams: {a: {}}\n":                   {"log/level", "mp4/expire_days"},
		"http: {listen: 127.0.0.1:1, auth: none}\nstreams: {a: {}}\n":                                                   {"http/auth"},
	} {
		require.Equal(t, want, needRestart(base, configured(t, text)), text)
	}
}

// A refusal names the file without its directory.
func TestRefusalShowsNoDirectory(t *testing.T) {
	err := refusal(config.Problems{
		{Pos: config.Pos{File: "/etc/spool/config.yaml", Line: 3, Col: 7}, Path: "mp4/x", Msg: "m", Hint: "h"},
		{Msg: "no place"},
	})
	require.Equal(t, config.Problems{
		{Msg: "no place"},
		{Pos: config.Pos{File: "config.yaml", Line: 3, Col: 7}, Path: "mp4/x", Msg: "m", Hint: "h"},
	}, err)
	require.Equal(t, config.Problems{{Msg: "gone"}}, refusal(errors.New("gone")))
}

// Declarations that a start would refuse are not stored.
func TestDeclarationsThatAStartWouldRefuseAreNotStored(t *testing.T) {
	file, own := keptFile(t.TempDir()), map[string]*config.Node{}
	n, err := config.Parse("x", []byte("stages: [source, {webhook: {url: '"+strings.Repeat("u", 60_000)+"'}}]"))
	require.NoError(t, err)
	for i := range 17 {
		own[fmt.Sprint(i)] = n
	}
	require.NoError(t, writeKept(durable.Disk{}, file, own))
	own["one more"] = n
	require.ErrorContains(t, writeKept(durable.Disk{}, file, own), "delete one that is not needed")
	kept, err := readKept(durable.Disk{}, file)
	require.NoError(t, err)
	require.Len(t, kept, 17)

	short, err := config.Parse("x", []byte("stages: ["+strings.Repeat("[],", 10_000)+"]"))
	require.NoError(t, err)
	own = map[string]*config.Node{}
	for i := range 9 {
		own[fmt.Sprint(i)] = short
	}
	require.NoError(t, writeKept(durable.Disk{}, file, own))
	own["one more"] = short
	require.ErrorContains(t, writeKept(durable.Disk{}, file, own), "delete one that is not needed", "many values in a short text")
	kept, err = readKept(durable.Disk{}, file)
	require.NoError(t, err)
	require.Len(t, kept, 9)
}
