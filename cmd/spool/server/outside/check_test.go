package outside

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/config"

	_ "github.com/gospool/spool/sinks/metadata"
	_ "github.com/gospool/spool/sinks/mp4"
	_ "github.com/gospool/spool/stages"
	_ "github.com/gospool/spool/stages/ingest/rtsp"
	_ "github.com/gospool/spool/stages/webhook"
)

// A fault of an object that a configuration names is reported once, with the place that names
// it.
func TestObjectsThatAConfigurationNamesAreOpened(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), mode))
		require.NoError(t, os.Chmod(filepath.Join(dir, name), mode))
	}
	write("open", "secret\n", 0o644)
	write("shut", "secret\n", 0o640)
	write("blank", "\n", 0o600)
	write("rubbish", "rubbish", 0o600)
	webhook := func(file string) string {
		return "pipelines: {p: {stages: [source, segmenter, mp4, webhook: {url: 'http://h/x', secret_file: DIR/" + file + "}, metadata]}}\n"
	}
	for text, want := range map[string]string{
		"{}": "",
		"http: {tls: {cert: DIR/none, key: DIR/none}}\n":                                         "config.yaml:1:20: http/tls/cert: DIR/none is not there (",
		"http: {tls: {cert: DIR/rubbish, key: DIR/none}}\n":                                      "config.yaml:1:20: http/tls/cert: DIR/rubbish is not in PEM form",
		"ingest: {rtsp: {tls: {listen: '127.0.0.1:0', cert: DIR/none, key: DIR/none}}}\n":        "config.yaml:1:52: ingest/rtsp/tls/cert: DIR/none is not there (",
		"ingest: {rtsp: {tls: {cert: DIR/none, key: DIR/none}}}\n":                               "", // no server listens
		"mp4: {record_path: DIR/a/b}\nretention: {min_free_bytes: 900TB}\n":                      "config.yaml:2:29: retention/min_free_bytes: min_free_bytes 900 TB is more than the disk of DIR/a/b has (",
		"mp4: {record_path: DIR}\nstreams: {live/a: {retention: {min_free_bytes: 900TB}}}\n":     "config.yaml:2:48: streams[live/a]/retention/min_free_bytes: min_free_bytes 900 TB is more than the disk of DIR has (",
		"mp4: {record_path: DIR}\nretention: {min_free_bytes: 1MiB, max_bytes: 900TB}\n":         "",
		"mp4: {record_path: DIR}\nretention: {max_bytes: 900TB}\n":                               "warning: config.yaml:2:24: retention/max_bytes: max_bytes 900 TB is more than the disk of DIR has (",
		"mp4: {group: no-such-group}\n":                                                          `config.yaml:1:14: mp4/group: there is no group "no-such-group" on this machine (`,
		"pipelines: {p: {stages: [source, segmenter, mp4: {group: no-such-group}, metadata]}}\n": "config.yaml:1:58: pipelines/p/stages/2/mp4/group: there is no group",
		webhook("none"):  "config.yaml:1:92: pipelines/p/stages/3/webhook/secret_file: DIR/none is not there (",
		webhook("blank"): "/webhook/secret_file: DIR/blank is empty (",
		webhook("shut"):  "",
		webhook("open"):  "warning: config.yaml:1:92: pipelines/p/stages/3/webhook/secret_file: DIR/open holds a secret, and every user of the machine may use it: its mode is 0644 (chmod o= DIR/open)",
		"declare: {webhooks: [{name: office, url: 'http://h/x', secret_file: DIR/none}]}\n":                         "config.yaml:1:69: declare/webhooks/0/secret_file: DIR/none is not there (",
		"declare: {webhooks: [{name: office, url: 'http://h/x', secret_file: DIR/shut}]}\n" + webhook("../nowhere"): "DIR/../nowhere is not there",
	} {
		file := filepath.Join(dir, configs.FileName)
		require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(text, "DIR", dir)), 0o600))
		cfg, err := configs.Load(configs.Options{File: file})
		require.NoError(t, err, text)
		wrong, warnings := Check(cfg, time.Now())
		var said []string
		for _, p := range wrong {
			said = append(said, p.String())
		}
		for _, p := range warnings {
			said = append(said, "warning: "+p.String())
		}
		if want == "" {
			require.Empty(t, said, text)
			continue
		}
		require.Len(t, said, 1, text)
		require.Contains(t, strings.ReplaceAll(strings.ReplaceAll(said[0], file, configs.FileName), dir, "DIR"), want, text)
	}
}

// A missing group is reported even if the configuration has other problems. Nothing else on the
// machine is checked.
func TestGroupsOfABrokenConfiguration(t *testing.T) {
	var said []string
	_, err := configs.Load(configs.Options{Dir: t.TempDir(), Flags: []configs.Flag{
		{Name: "--set mp4/group", Key: []string{"mp4", "group"}, Value: "no-such-group"},
		{Name: "--set mp4/max_duration", Key: []string{"mp4", "max_duration"}, Value: "long"},
		{Name: "--set http/tls/cert", Key: []string{"http", "tls", "cert"}, Value: "none"},
		{Name: "--set http/tls/key", Key: []string{"http", "tls", "key"}, Value: "none"},
	}, Check: func(cfg *configs.Config) config.Problems {
		wrong := Groups(cfg)
		for _, p := range wrong {
			said = append(said, p.Path)
		}
		return wrong
	}})
	require.ErrorContains(t, err, "mp4/max_duration")
	require.ErrorContains(t, err, "there is no group")
	require.Equal(t, []string{"mp4/group"}, said)
}

// A second record directory causes one warning for each pipeline, at the setting that names it.
// mp4.record_path causes none, however it is written.
func TestASecondRecordDirectoryIsAWarning(t *testing.T) {
	home := t.TempDir()
	t.Chdir(home)
	file := filepath.Join(home, configs.FileName)
	require.NoError(t, os.WriteFile(file, []byte(`
mp4: {record_path: main}
pipelines:
  same: {stages: [source, segmenter, mp4: {record_path: ./x/../main/}, metadata]}
  same_too: {stages: [source, segmenter, mp4: {record_path: `+filepath.Join(home, "main")+`}, metadata]}
  twice: {stages: [source, tee: {branches: [{name: a, stages: [segmenter, mp4: {record_path: /b}, metadata]}, {name: b, stages: [segmenter, mp4: {record_path: /b/, filename_pattern: "{seq}.mp4"}, metadata]}]}]}
  below: {stages: [source, segmenter, mp4: {record_path: main/b}, metadata]}
`), 0o600))
	cfg, err := configs.Load(configs.Options{File: file})
	require.NoError(t, err)
	wrong, warnings := Check(cfg, time.Now())
	require.Empty(t, wrong)
	require.Len(t, warnings, 2)
	require.Equal(t, "pipelines/twice/stages/1/tee/branches/0/stages/1/mp4/record_path", warnings[0].Path)
	require.Contains(t, warnings[0].Msg, "pipeline twice records to /b, which is not mp4.record_path: a start does not repair")
	require.Equal(t, "pipelines/below/stages/2/mp4/record_path", warnings[1].Path)
	require.NotContains(t, warnings[1].Msg, "repair", "it lies in the directory that is repaired")
}
