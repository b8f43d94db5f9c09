package configs_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/stages/ingest/rtsp"
)

// inDir writes config.yaml into an empty directory, unless it is empty.
func inDir(t *testing.T, text string) configs.Options {
	t.Helper()
	dir := t.TempDir()
	if text != "" {
		require.NoError(t, os.WriteFile(filepath.Join(dir, configs.FileName), []byte(text), 0o644))
	}
	return configs.Options{Dir: dir}
}

func load(t *testing.T, o configs.Options) *configs.Config {
	t.Helper()
	c, err := configs.Load(o)
	require.NoError(t, err)
	return c
}

func TestNothingConfiguredRecordsTheDemo(t *testing.T) {
	c := load(t, inDir(t, ""))
	require.Equal(t, configs.StreamPath("live/demo"), c.Demo)
	require.Equal(t, []string{"testpattern://?size=640x360&fps=25&gop=50"}, c.Streams["live/demo"].Pull.Reveal())
	require.Equal(t, "127.0.0.1:8080", c.HTTP.Listen)
	require.Equal(t, "127.0.0.1:8554", c.Ingest.Servers["rtsp"].(*rtsp.Settings).Listen)
	require.Equal(t, filepath.Join("recordings", "spool.db"), c.Database.DSN.Reveal())
	require.Empty(t, c.Warnings)
	require.Empty(t, c.File)
}

// A configuration may be checked while another is loaded: they share no node.
func TestConfigurationsAreLoadedAtOnce(t *testing.T) {
	var all sync.WaitGroup
	dir := t.TempDir()
	var errs [4]error
	for i := range errs {
		all.Go(func() { _, errs[i] = configs.Load(configs.Options{Dir: dir}) })
	}
	all.Wait()
	require.NoError(t, errors.Join(errs[:]...))
}

func TestAConfigurationReplacesTheDemo(t *testing.T) {
	for name, o := range map[string]configs.Options{
		"an empty file":      inDir(t, "# nothing yet\n"),
		"a file":             inDir(t, "mp4: {record_path: /data}\n"),
		"environment stream": {Dir: t.TempDir(), Environ: []string{"SPOOL_STREAMS__CAM__PULL=rtsp://10.0.0.5/x"}},
		"flag stream":        {Dir: t.TempDir(), Flags: []configs.Flag{{Name: "--set", Key: []string{"streams", "live/cam", "pull"}, Value: "rtsp://10.0.0.5/x"}}},
	} {
		c := load(t, o)
		require.Empty(t, c.Demo, name)
		require.NotContains(t, c.Streams, configs.StreamPath("live/demo"), name)
	}
	c := load(t, configs.Options{Dir: t.TempDir(), Environ: []string{"SPOOL_MP4__RECORD_PATH=/data", "PATH=/bin"}})
	require.NotEmpty(t, c.Demo, "where recordings go is no stream of one's own")
	require.Equal(t, "/data", c.MP4.RecordPath)
}

func TestLaterLayersOverrideEarlierOnes(t *testing.T) {
	o := inDir(t, "mp4: {record_path: /file, max_duration: 60, fragment: true}\nlog: {level: warn}\nstreams: {a: {pull: 'rtsp://h/a'}, b: {}}\n")
	o.Environ = []string{"SPOOL_MP4__RECORD_PATH=/env", "SPOOL_LOG__LEVEL=error", "SPOOL_MP4__EXPIRE_DAYS=7", "SPOOL_STREAMS__A__TRANSPORT=udp"}
	o.Flags = []configs.Flag{{Name: "--record-path", Key: []string{"mp4", "record_path"}, Value: "/flag"}}
	c := load(t, o)
	require.Equal(t, "/flag", c.MP4.RecordPath)
	require.Equal(t, "error", c.Log.Level)
	require.Equal(t, time.Minute, c.MP4.MaxDuration.D())
	require.True(t, c.MP4.Fragment)
	require.Equal(t, 7, c.MP4.ExpireDays)
	require.Equal(t, "{stream}_{date}_{time}.mp4", c.MP4.FilenamePattern)
	require.Equal(t, map[configs.StreamPath]configs.Stream{"a": {Pull: config.NewURLs("rtsp://h/a"), Transport: "udp"}, "b": {}}, c.Streams)

	shown := string(c.Show())
	file := filepath.Join(o.Dir, configs.FileName)
	for _, line := range []string{
		"  record_path: /flag  # flag --record-path\n",
		"  max_duration: 1m  # " + file + ":1:41\n",
		"  expire_days: 7  # environment SPOOL_MP4__EXPIRE_DAYS\n",
		"  auto_recovery: true  # default\n",
		"  level: error  # environment SPOOL_LOG__LEVEL\n",
		"        record_path: /flag  # flag --record-path\n",
	} {
		require.Contains(t, shown, line)
	}
}

func TestAnEmptyBlockKeepsItsDefaults(t *testing.T) {
	c := load(t, inDir(t, "mp4:\nhttp: ~\ningest:\n  rtsp:\n"))
	require.Equal(t, "./recordings", c.MP4.RecordPath)
	require.Equal(t, "127.0.0.1:8080", c.HTTP.Listen)
	require.Equal(t, "127.0.0.1:8554", c.Ingest.Servers["rtsp"].(*rtsp.Settings).Listen)
}

func TestStreamPathsMayHoldAnySeparator(t *testing.T) {
	c := load(t, inDir(t, "streams:\n  live.a/b::c: {pull: 'rtsp://h/1'}\n  live: {pull: 'rtsp://h/2'}\n  live/pull: {pull: 'rtsp://h/3', transport: udp}\n"))
	require.Equal(t, []string{"rtsp://h/1"}, c.Streams["live.a/b::c"].Pull.Reveal())
	require.Equal(t, []string{"rtsp://h/2"}, c.Streams["live"].Pull.Reveal())
	require.Equal(t, "udp", c.Streams["live/pull"].Transport)
}

func TestUnknownVariablesAreRefusedWithAHint(t *testing.T) {
	for variable, want := range map[string]string{
		"SPOOL_MP4_RECORD_PATH=/x":   `environment SPOOL_MP4_RECORD_PATH: mp4_record_path: unknown key "mp4_record_path" (did you mean SPOOL_MP4__RECORD_PATH? levels are separated by __, as in SPOOL_MP4__RECORD_PATH)`,
		"SPOOL_MP4__RECORDPATH=/x":   `environment SPOOL_MP4__RECORDPATH: mp4/recordpath: unknown key "recordpath", did you mean "record_path"? (did you mean SPOOL_MP4__RECORD_PATH?`,
		"SPOOL_XYZ=1":                `environment SPOOL_XYZ: xyz: unknown key "xyz" (levels are separated by __`,
		"SPOOL_MP4__FRAGMENT=maybe":  `environment SPOOL_MP4__FRAGMENT: mp4/fragment: true or false is wanted here, this is the text "maybe"`,
		"SPOOL_MP4__MAX_DURATION=-1": `environment SPOOL_MP4__MAX_DURATION: mp4/max_duration: -1s is negative`,
		"SPOOL_HTTP__LISTEN=:80":     `environment SPOOL_HTTP__LISTEN: http/listen: :80 can be reached by other machines`,
	} {
		_, err := configs.Load(configs.Options{Dir: t.TempDir(), Environ: []string{variable}})
		require.ErrorContains(t, err, want)
	}
}

func TestANamedFileMustExist(t *testing.T) {
	_, err := configs.Load(configs.Options{File: filepath.Join(t.TempDir(), "none.yaml")})
	require.ErrorContains(t, err, "none.yaml does not exist")
	_, err = configs.Load(configs.Options{File: t.TempDir()})
	require.ErrorContains(t, err, "is a directory, not a file")
}

func TestTheMP4BlockMakesExactlyOnePipeline(t *testing.T) {
	o := inDir(t, "mp4:\n  record_path: /data\n  max_file_size: 1GiB\n  before_duration: 3\n  fragment_duration: 0.2\n")
	c := load(t, o)
	require.Len(t, recording(c), 1)
	p := c.Pipelines["default"]
	require.Equal(t, []string{"**"}, p.Streams)
	require.Equal(t, "manual", p.Record)
	var names []string
	for _, s := range p.Stages.List {
		names = append(names, s.Entries[0].Key)
	}
	require.Equal(t, []string{"source", "gop_ring", "segmenter", "mp4", "metadata"}, names)
	size := p.Stages.List[2].Get("segmenter").Get("max_size")
	require.Equal(t, "1GiB", size.Scalar)
	require.Equal(t, config.Pos{File: filepath.Join(o.Dir, configs.FileName), Line: 3, Col: 18}, size.Pos, "it is wrong where the block is")
	require.Equal(t, "pipelines/default/stages/2/segmenter/max_size", size.Path)
	require.Equal(t, "3s", p.Stages.List[1].Get("gop_ring").Get("before").Scalar)

	c = load(t, inDir(t, "mp4: {enable: false}\n"))
	require.Empty(t, recording(c))
	require.ErrorContains(t, c.Warnings, "nothing can be recorded")
}

func TestStagesInheritOmittedSettingsFromTheMP4Block(t *testing.T) {
	c := load(t, inDir(t, `
mp4: {record_path: /data, max_duration: 600, fragment: true}
pipelines:
  a:
    streams: [live/*]
    record: always
    stages:
      - source
      - gop_ring:
      - segmenter: {max_duration: 60}
      - mp4: {fragment: false}
      - metadata
`))
	require.Len(t, recording(c), 1)
	require.Equal(t, "always", c.Pipelines["a"].Record)
	stages := c.Pipelines["a"].Stages.List
	require.Equal(t, int64(60), stages[2].Get("segmenter").Get("max_duration").Scalar)
	require.Equal(t, "/data", stages[3].Get("mp4").Get("record_path").Scalar)
	require.Equal(t, false, stages[3].Get("mp4").Get("fragment").Scalar)
	require.Equal(t, "10s", stages[1].Get("gop_ring").Get("before").Scalar)
	require.True(t, stages[4].Get("metadata").IsMap)
}

func TestSurprisingSettingsCauseWarnings(t *testing.T) {
	c := load(t, inDir(t, `mp4: {expire_days: 7, disk_max_percent: 90} # no word about these
crontab:
  jobs:
    - {name: a, cron: "@daily", action: record_start, stream: live/a}
    - {name: b, cron: "@daily", action: record_start, stream: other/b, duration: 60}
streams: {other/a: {pull: "rtsp://h/x"}}
pipelines: {p: {streams: [live/*], stages: [source: {}]}}
ingest: {auth: none, rtsp: {listen: "0.0.0.0:8554"}}
`))
	lines := strings.Split(c.Warnings.Error(), "\n")
	require.Len(t, lines, 4)
	for i, want := range []string{"4:7: crontab/jobs/0: nothing ends", "5:63: crontab/jobs/1/stream: no pipeline", "6:11: streams[other/a]", "8:37: ingest/rtsp/listen"} {
		require.Contains(t, lines[i], configs.FileName+":"+want)
	}
}

// The job is valid by itself and so is its pipeline, but the pipeline does not serve the job.
func TestJobsThatTheirPipelinesDoNotServe(t *testing.T) {
	for _, c := range []struct{ action, modes, warns string }{
		{"event", "manual", "recorded by hand"}, {"event", "always", ""}, {"event", "event", ""}, {"event", "manual event", ""},
		{"record_start", "event", "record: manual"}, {"record_stop", "event", "record: manual"}, {"record_start", "event manual", ""}, {"record_start", "always", ""},
	} {
		text := "crontab: {jobs: [{cron: '@daily', action: " + c.action + ", stream: live/a" + map[string]string{"record_start": ", duration: 60"}[c.action] + "}]}\npipelines:\n"
		for _, m := range strings.Fields(c.modes) {
			text += "  " + m + ": {record: " + m + ", stages: [source: {}]}\n"
		}
		got := load(t, inDir(t, text)).Warnings
		if c.warns == "" {
			require.Empty(t, got, "%+v", c)
			continue
		}
		require.Len(t, got, 1, "%+v", c)
		require.Contains(t, got.Error(), configs.FileName+":1:")
		require.Contains(t, got.Error(), c.warns)
	}
}

func TestNoSecretIsShown(t *testing.T) {
	o := inDir(t, "streams: {a: {pull: 'rtsp://admin:s3cret@h/x'}}\ndatabase: {driver: mysql, dsn: 'u:s3cret@tcp(h)/d'}\n")
	c := load(t, o)
	require.Equal(t, []string{"rtsp://admin:s3cret@h/x"}, c.Streams["a"].Pull.Reveal())
	require.NotContains(t, string(c.Show()), "s3cret")
	require.Contains(t, string(c.Show()), "rtsp://h/…")
	require.Contains(t, string(c.Show()), "tcp(h)/d")
}

func TestSecretsOfAccessAreShownMasked(t *testing.T) {
	c := load(t, configs.Options{File: "testdata/good/access.yaml"})
	shown := string(c.Show())
	require.Equal(t, 2, strings.Count(shown, "password_hash: xxxxx"), shown)
	require.Contains(t, shown, "# Not the whole configuration")
	require.NotContains(t, shown, "0123456789abcdef")
	require.Contains(t, shown, "sha256:1bd8fd47297046f993e608e398d5905b00a33e163c6b1172dd38887fed05ed6a", "the same token as its digest")
}

func TestNoneIsAWordInPlaceOfTheMap(t *testing.T) {
	for _, o := range []configs.Options{
		inDir(t, "http: {auth: none, listen: ':8080'}\ningest: {auth: none}\n"),
		{Dir: t.TempDir(), Environ: []string{"SPOOL_HTTP__AUTH=none", "SPOOL_INGEST__AUTH=none", "SPOOL_HTTP__LISTEN=:8080"}},
	} {
		c := load(t, o)
		require.True(t, c.HTTP.Auth.None && c.Ingest.Auth.None && c.HTTP.Auth.Open())
		require.Equal(t, 2, strings.Count(string(c.Show()), "auth: none"))
	}
	c := load(t, configs.Options{Dir: t.TempDir(), Environ: []string{`SPOOL_HTTP__AUTH={tokens: [{name: t, token: x, roles: [view]}]}`}})
	require.Equal(t, []configs.Token{{Name: "t", Token: config.NewToken("x"), Roles: []string{"view"}}}, c.HTTP.Auth.Tokens)
	require.False(t, c.HTTP.Auth.Open())
}

func TestParseSet(t *testing.T) {
	f, err := configs.ParseSet("streams[live/a]/pull=rtsp://h/x?a=b")
	require.NoError(t, err)
	require.Equal(t, configs.Flag{Name: "--set streams[live/a]/pull", Key: []string{"streams", "live/a", "pull"}, Value: "rtsp://h/x?a=b"}, f)
	for _, bad := range []string{"", "=x", "mp4/fragment"} {
		_, err := configs.ParseSet(bad)
		require.Error(t, err, bad)
	}
}

// Every setting without a default in default.yaml has one in its own package.
func TestDefaultYAMLSetsEveryKey(t *testing.T) {
	data, err := os.ReadFile("default.yaml")
	require.NoError(t, err)
	n, err := config.Parse("default.yaml", data)
	require.NoError(t, err)
	elsewhere := config.OwnedDefaults()
	for _, s := range pipeline.Stages() {
		for _, i := range s.Inherits {
			elsewhere[i.From] = true
		}
	}
	owned := func(path string) bool { // by itself, or in the settings of a part
		for given := range elsewhere {
			if path == given || strings.HasPrefix(path, given+"/") {
				return true
			}
		}
		return false
	}
	_, docs := config.Describe(configs.Config{})
	for path := range docs {
		if path == "http/auth" {
			continue // must be written out by the user
		}
		at := n
		for _, key := range config.SplitPath(path) {
			at = at.Get(key)
		}
		require.True(t, at != nil || owned(path), "%s has no default", path)
	}
}

func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.yaml", "testdata/good/*.yaml"} {
		files, err := filepath.Glob(pattern)
		require.NoError(f, err)
		for _, file := range files {
			data, err := os.ReadFile(file)
			require.NoError(f, err)
			f.Add(string(data), "5")
		}
	}
	file := filepath.Join(f.TempDir(), "f.yaml")
	f.Fuzz(func(t *testing.T, text, variable string) {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
		c, err := configs.Load(configs.Options{File: file, Environ: []string{"SPOOL_MP4__MAX_DURATION=" + variable}})
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		c.Show()
	})
}
