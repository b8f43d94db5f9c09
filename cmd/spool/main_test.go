package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// spool runs one command line in an empty directory that holds the given config.yaml, unless
// that is empty.
func spool(t *testing.T, config string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Chdir(t.TempDir())
	if config != "" {
		require.NoError(t, os.WriteFile(configs.FileName, []byte(config), 0o644))
	}
	var out, err bytes.Buffer
	code = run(args, &Program{Stdout: &out, Stderr: &err})
	return code, out.String(), err.String()
}

func TestHelpListsTheCommands(t *testing.T) {
	code, out, errs := spool(t, "", "--help")
	require.Equal(t, exitOK, code)
	require.Empty(t, errs)
	for _, want := range []string{"serve", "check", "config", "stages", "version", "--config=FILE", "live/demo"} {
		require.Contains(t, out, want)
	}
	code, out, _ = spool(t, "", "check", "--help")
	require.Equal(t, exitOK, code)
	require.Contains(t, out, "[<file>]")
}

func TestMistakesOfTheCommandLineAreUsage(t *testing.T) {
	for _, args := range [][]string{
		{"recrod"}, {"--nope"}, {"check", "a", "b"}, {"stages", "--yaml", "--json"},
		{"check", "none.yaml"}, {"check", "-c", "none.yaml"}, {"config", "--set", "mp4"},
	} {
		code, out, errs := spool(t, "", args...)
		require.Equal(t, exitUsage, code, args)
		require.Empty(t, out, args)
		require.Regexp(t, `^spool: .+`, errs, args)
	}
}

func TestAMistypedCommandGetsASuggestion(t *testing.T) {
	_, _, errs := spool(t, "", "chekc")
	require.Equal(t, "spool: unexpected argument chekc: did you mean check?\nTry spool --help.\n", errs)
	_, _, errs = spool(t, "", "check", "a", "b")
	require.NotContains(t, errs, "did you mean")
	_, _, errs = spool(t, "", "entirely-other")
	require.NotContains(t, errs, "did you mean")
}

func TestCheckBuildsWithoutStartingAnything(t *testing.T) {
	code, out, errs := spool(t, "", "check")
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "no configuration file: configuration OK: 1 stream, 2 pipelines\n"+
		"default, for [**], manual: source -> gop_ring -> segmenter -> mp4 -> metadata\n"+
		"default-live, for [**], watched: source -> live\n"+
		"recordings does not exist yet: its file system is checked once it exists\n", out)
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	require.Empty(t, entries, "check writes nothing")
}

// An unwritable record directory is a warning and not a fault of the configuration.
func TestCheckReportsWhetherRecordingsCanBeWritten(t *testing.T) {
	dir := t.TempDir()
	code, out, errs := spool(t, "", "check", "--record-path", dir)
	require.Equal(t, exitOK, code, errs)
	require.Contains(t, out, dir+" can be recorded to: ")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)

	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for name, want := range map[string]string{
		file:                       "mkdir " + file + ": a file has that name",
		filepath.Join(file, "sub"): "not a directory",
		"/proc/none/sub":           "mkdir /proc/none: ",
	} {
		code, out, errs = spool(t, "mp4: {record_path: "+name+"}\n", "check")
		require.Equal(t, exitUsage, code, "%s: a start is refused, too", name)
		require.Empty(t, out, name)
		require.Contains(t, errs, "config.yaml:1:20: mp4/record_path: ", name)
		require.Contains(t, errs, want, name)
		require.Contains(t, errs, "set mp4.record_path to a directory that exists or can be made", name)
	}
	missing := filepath.Join(dir, "a", "b")
	code, _, errs = spool(t, "", "check", "--record-path", missing)
	require.Equal(t, exitOK, code, errs)
	require.NoDirExists(t, filepath.Dir(missing))
}

// Without its database spool records, but lists nothing: spool check warns.
func TestCheckWarnsOfADatabaseThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, dsn := range []string{file + "/spool.db", "/proc/none/spool.db", "file:" + file + "/spool.db?mode=rwc"} {
		code, out, errs := spool(t, "database: {dsn: "+dsn+"}\n", "check")
		require.Equal(t, exitOK, code, errs)
		require.Contains(t, out, "configuration OK", dsn)
		require.Contains(t, errs, "warning: config.yaml:1:17: database/dsn: the database's directory cannot be used: ", dsn)
		require.Contains(t, errs, "until then spool records without the catalogue", dsn)
	}
}

// spool check prints the features that a record directory's file system lacks, and leaves no
// file.
func TestCheckReportsTheFileSystem(t *testing.T) {
	dir := t.TempDir()
	code, out, errs := spool(t, "", "check", "--record-path", dir, "--set", "mp4/filename_pattern=größe/{stream}.mp4")
	require.Equal(t, exitOK, code, errs)
	require.Regexp(t, regexp.QuoteMeta(dir)+`: \w+: nothing is lacking\n$`, out)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestCheckNamesEveryProblemWithItsLine(t *testing.T) {
	code, out, errs := spool(t, "mp4: {max_durations: 5}\nstreams:\n  a: {pull: 5}\n", "check")
	require.Equal(t, exitUsage, code)
	require.Empty(t, out)
	require.Contains(t, errs, `config.yaml:1:7: mp4/max_durations: unknown key "max_durations", did you mean "max_duration"?`)
	require.Contains(t, errs, "config.yaml:3:13: streams/a/pull: a URL is wanted here, or a list of URLs")
	require.Contains(t, errs, "spool: the configuration is refused: 2 problems\n")
}

// A flag or a variable of the environment often comes from another hand than the configuration file.
func TestOnlyTheFileNamesACommandToPull(t *testing.T) {
	code, _, errs := spool(t, `streams: {live/a: {pull: "exec:sh -c 'true'"}}`, "check")
	require.Equal(t, exitOK, code, errs)
	require.Empty(t, errs)
	code, _, errs = spool(t, "streams: {live/b: {}}", "check", "--set", "streams[live/a]/pull=exec:touch c4n4ry")
	require.NotEqual(t, exitOK, code)
	require.Contains(t, errs, "which only the configuration file may name")
	require.NotContains(t, errs, "c4n4ry")
	for _, set := range []string{`streams={live/a: {pull: "exec:touch c4n4ry"}}`, `streams[live/b]/pull=[rtsp://h/a, "exec:touch c4n4ry"]`} {
		code, _, errs = spool(t, "streams: {live/b: {}}", "check", "--set", set)
		require.NotEqual(t, exitOK, code)
		require.Contains(t, errs, "which only the configuration file may name")
		require.NotContains(t, errs, "c4n4ry")
	}
}

func TestFingerprintsAreForConnectionsByTLS(t *testing.T) {
	for url, want := range map[string]string{
		"rtsps://h/a": "", "rtmps://h/a/b": "", "https://h/a": "",
		"rtsp://h/a": "is for rtsps URLs", "rtmp://h/a/b": "is for rtmps URLs", "http://h/a": "whose connection is encrypted",
		"srt://h:9": "has no effect with srt", "file:a.mp4": "has no effect with file", "testpattern://": "has no effect with testpattern",
		"udp://0.0.0.0:9": "not for datagrams",
	} {
		code, _, errs := spool(t, `streams: {a: {pull: ["rtsps://h/b", "`+url+`"], tls: {fingerprint: `+strings.Repeat("ab", 32)+`}}}`, "check")
		require.Equal(t, want == "", code == exitOK, "%s: %s", url, errs)
		if want != "" {
			require.Contains(t, errs, "config.yaml:1:37: streams/a/pull/1: ")
			require.Contains(t, errs, want)
		}
	}
}

// Only the build finds faults of stages, their settings and order, and of the schemes of URLs.
func TestCheckBuildsStagesAndPullers(t *testing.T) {
	code, _, errs := spool(t, `
mp4: {filename_pattern: "{strem}.mp4"}
streams:
  a: {pull: "rtps://10.0.0.5/x"}
pipelines:
  p:
    stages:
      - source: {}
      - segmentr: {}
      - mp4: {}
      - metadata: {}
  q:
    stages:
      - source: {}
      - mp4: {sink: 1}
      - segmenter: {}
      - metadata: {}
`, "check")
	require.Equal(t, exitUsage, code)
	for _, want := range []string{
		`config.yaml:2:25: pipelines/p/stages/2/mp4`,
		`config.yaml:4:13: streams/a/pull: pull URL has scheme "rtps"; known are exec: file:// http:// https:// rtmp:// rtmps:// rtp:// rtsp:// rtsps:// srt:// testpattern:// udp:// whep:// wheps://`,
		`config.yaml:9:9: pipelines/p/stages/1: there is no stage "segmentr" (did you mean segmenter?)`,
		`config.yaml:15:15: pipelines/q/stages/1/mp4/sink: unknown key "sink"`,
		`config.yaml:15:9: pipelines/q/stages/1: mp4 takes media.Part, but source before it gives *media.Chunk (put segmenter between them)`,
	} {
		require.Contains(t, errs, want)
	}
}

// A wrong value does not hide the problems that only the build finds, and is reported once.
func TestCheckNamesAllProblemsAtOnce(t *testing.T) {
	code, _, errs := spool(t, `
mp4: {fragment: maybe, fragment_duration: 0, filename_pattern: "{strem}.mp4"}
streams:
  a: {pull: "rtps://10.0.0.5/x", transport: upd}
pipelines:
  p:
    streams: ["[x"]
    record: allways
    stages: [source: {}, segmenter: {max_duraton: 5s}, mp4: {}, metadta: {}]
  q:
    stages: {source: {}}
`, "check")
	require.Equal(t, exitUsage, code)
	want := []string{
		`config.yaml:2:17: mp4/fragment: true or false is wanted here`,
		`config.yaml:2:43: mp4/fragment_duration: 0s is out of range`,
		`config.yaml:2:64: pipelines/p/stages/2/mp4`,
		`config.yaml:4:13: streams/a/pull: pull URL has scheme "rtps"`,
		`config.yaml:4:45: streams/a/transport: unknown value "upd", did you mean "udp"?`,
		`config.yaml:7:15: pipelines/p/streams/0: pattern "[x"`,
		`config.yaml:8:13: pipelines/p/record: unknown value "allways", did you mean "always"?`,
		`config.yaml:9:38: pipelines/p/stages/1/segmenter/max_duraton: unknown key "max_duraton", did you mean "max_duration"?`,
		`config.yaml:9:65: pipelines/p/stages/3: there is no stage "metadta" (did you mean metadata?)`,
		`config.yaml:11:5: pipelines/q/stages: a list of stages is wanted here`,
		`spool: the configuration is refused: 10 problems`,
	}
	lines := strings.Split(strings.TrimSpace(errs), "\n")
	require.Len(t, lines, len(want), errs)
	for i, line := range lines {
		require.Contains(t, line, want[i])
	}
}

func TestFlagsAndEnvironmentReachEveryCommand(t *testing.T) {
	t.Chdir(t.TempDir())
	var out, errs bytes.Buffer
	p := &Program{Environ: []string{"SPOOL_LOG__LEVEL=warn"}, Stdout: &out, Stderr: &errs}
	code := run([]string{
		"config", "--record-path", "/data", "--http-listen=127.0.0.1:0", "--rtsp-listen=",
		"--set", "mp4/max_duration=90", "--set", "streams[live/cam]/pull=rtsp://u:s3cret@10.0.0.5/x?a=b,c",
	}, p)
	require.Equal(t, exitOK, code, errs.String())
	for _, want := range []string{
		"record_path: /data  # flag --record-path", `listen: "127.0.0.1:0"  # flag --http-listen`, `listen: ""  # flag --rtsp-listen`,
		"max_duration: 1m30s  # flag --set mp4/max_duration", "level: warn  # environment SPOOL_LOG__LEVEL",
		`pull: "rtsp://10.0.0.5/…"  # flag --set streams[live/cam]/pull`,
	} {
		require.Contains(t, out.String(), want)
	}
	require.NotContains(t, out.String(), "s3cret")
}

func TestConfigPrintsAConfiguration(t *testing.T) {
	_, shown, _ := spool(t, "mp4: {max_duration: 1h}\n", "config")
	code, out, errs := spool(t, shown, "check")
	require.Equal(t, exitOK, code, errs)
	require.Contains(t, out, "2 pipelines")
}

func TestStagesAreListedInThreeForms(t *testing.T) {
	_, human, _ := spool(t, "", "stages")
	_, asYAML, _ := spool(t, "", "stages", "--yaml")
	_, asJSON, _ := spool(t, "", "stages", "--json")
	var list []struct{ Name, Kind string }
	require.NoError(t, json.Unmarshal([]byte(asJSON), &list))
	require.Len(t, list, len(pipeline.Stages()))
	n, err := config.Parse("stages", []byte(asYAML))
	require.NoError(t, err)
	require.Len(t, n.List, len(list))
	for _, s := range list {
		require.Contains(t, human, s.Name+"  ("+s.Kind)
	}
	require.Contains(t, human, "max_bytes")
}

func TestVersionNamesTheBuild(t *testing.T) {
	code, out, _ := spool(t, "", "version")
	require.Equal(t, exitOK, code)
	require.Regexp(t, `^spool \S+ \(commit .+\) go1\.\S+ \w+/\w+\n$`, out)
}

// The built program prints the reference, since tests link stages of their own.
func TestReferenceIsNotStale(t *testing.T) {
	want, err := exec.Command("go", "run", ".", "config", "--reference").Output()
	require.NoError(t, err)
	have, err := os.ReadFile("../../configs/reference.yaml")
	require.NoError(t, err)
	require.True(t, string(want) == string(have), "configs/reference.yaml differs from the output of spool config --reference: run make generate")

	path, err := filepath.Abs("../../configs/reference.yaml")
	require.NoError(t, err)
	code, _, errs := spool(t, "", "config", "-c", path) // the files that it names do not exist
	require.Equal(t, exitOK, code, errs)

	tree, err := config.Parse(path, have)
	require.NoError(t, err)
	for name := range configs.Default().Pipelines {
		for _, n := range tree.Get("pipelines").Get(string(name)).Get("stages").List {
			stage := n.Entries[0]
			at := slices.IndexFunc(pipeline.Stages(), func(s pipeline.StageInfo) bool { return s.Name == stage.Key })
			all, _ := config.Describe(pipeline.Stages()[at].Defaults)
			for _, e := range all.Entries {
				require.NotNil(t, stage.Value.Get(e.Key), "%s: %s: %s", name, stage.Key, e.Key)
			}
		}
	}
}

// The mp4 block passes its values to the stages. Its defaults must therefore be those of the
// stages.
func TestTheMP4BlockHasTheDefaultsOfTheStages(t *testing.T) {
	own := map[string]any{}
	for _, s := range pipeline.Stages() {
		n, _ := config.Describe(s.Defaults)
		own[s.Name] = n.Any()
	}
	stages := configs.Default().Pipelines[configs.DefaultPipeline].Stages
	for _, n := range stages.List {
		name, given := n.Entries[0].Key, n.Entries[0].Value
		for _, e := range given.Entries {
			text := strings.TrimSuffix(string(e.Value.YAML(config.Style{})), "\n")
			require.Equal(t, canonical(own[name].(map[string]any)[e.Key]), canonical(text), "%s/%s", name, e.Key)
		}
	}
}

// canonical makes 5, "5s" and 5.0 equal.
func canonical(v any) string {
	text := strings.Trim(strings.TrimSuffix(string(config.FromAny(v, "", nil).YAML(config.Style{})), "\n"), `"\`)
	if d, err := config.ParseDuration(text); err == nil {
		return d.String()
	}
	return text
}
