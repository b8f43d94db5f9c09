package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/bench/harness"
)

func TestBenchWritesTheRequestedFiles(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.WriteFile(in("m.yaml"), []byte("format: [fmp4]\nlength: [2]\nbitrate: [1000000]\nflush_interval: [1s]\n"), 0o600))
	var out, errs bytes.Buffer
	code := run([]string{"bench", "mux", "--matrix", in("m.yaml"), "--flush-interval", "200ms,500ms", "--bitrate", "500k,1M",
		"--runs", "2", "--warm", "0", "--dir", dir, "--json", in("r.json"), "--benchstat", in("r.txt"), "--svg", in("svg")},
		&Program{Stdout: &out, Stderr: &errs})
	require.Zero(t, code, errs.String())
	require.Empty(t, errs.String())
	require.Contains(t, out.String(), "bitrate=500k flush=200ms")
	require.Contains(t, out.String(), "* flush_interval: ")
	b, err := os.ReadFile(in("r.json"))
	require.NoError(t, err)
	var results []harness.Result
	require.NoError(t, json.Unmarshal(b, &results))
	require.Len(t, results, 4)
	b, err = os.ReadFile(in("r.txt"))
	require.NoError(t, err)
	require.Equal(t, 8, strings.Count(string(b), "BenchmarkMux/format=fmp4/"))
	plots, err := filepath.Glob(in("svg/*.svg"))
	require.NoError(t, err)
	require.NotEmpty(t, plots)
	out.Reset()
	require.Zero(t, run([]string{"bench", "targets", in("r.json")}, &Program{Stdout: &out, Stderr: &errs}), errs.String())
	require.Contains(t, out.String(), "work  metric  measured")
}

func TestBenchPrintsJSONAndWritesTheOtherFiles(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	var out, errs bytes.Buffer
	code := run([]string{"bench", "mux", "--length", "1s", "--flush-interval", "250ms,500ms", "--runs", "1", "--warm", "0", "--dir", dir,
		"--json=-", "--benchstat", in("r.txt"), "--svg", in("svg")}, &Program{Stdout: &out, Stderr: &errs})
	require.Zero(t, code, errs.String())
	var results []harness.Result
	require.NoError(t, json.Unmarshal(out.Bytes(), &results), "%s", &out)
	require.NotEmpty(t, results)
	require.FileExists(t, in("r.txt"))
	plots, err := filepath.Glob(in("svg/*.svg"))
	require.NoError(t, err)
	require.NotEmpty(t, plots)
}

func TestBenchRefusesInvalidCases(t *testing.T) {
	file := filepath.Join(t.TempDir(), "m.yaml")
	require.NoError(t, os.WriteFile(file, []byte("formats: [mp4]\n"), 0o600))
	for _, args := range [][]string{
		{"--format", "mkv"}, {"--bitrate", "fast"}, {"--bitrate", "9999M"}, {"--flush-interval", "soon"}, {"--matrix", file},
	} {
		var errs bytes.Buffer
		code := run(append([]string{"bench", "mux"}, args...), &Program{Stdout: &errs, Stderr: &errs})
		require.Equal(t, exitUsage, code, "%v: %s", args, &errs)
	}
}

func TestBenchLiveRefusesAProtocolThatDoesNotFit(t *testing.T) {
	for says, args := range map[string][]string{
		"the protocol of publishers is one of rtsp, rtmp, srt, ts, not hls": {"--protocol", "hls"},
		"the protocol of viewers is one of rtsp, fmp4, hls, not srt":        {"--protocol", "srt", "--readers", "2"},
		"must be one of": {"--protocol", "webrtc"},
	} {
		var errs bytes.Buffer
		code := run(append([]string{"bench", "live"}, args...), &Program{Stdout: &errs, Stderr: &errs})
		require.Equal(t, exitUsage, code)
		require.Contains(t, errs.String(), says)
	}
}
