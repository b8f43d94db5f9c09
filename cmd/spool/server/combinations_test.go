package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
)

// sequences lists every order of the words, with repetition, up to a length.
func sequences(words []string, longest int) (out [][]string) {
	out = [][]string{nil}
	for last := out; longest > 0; longest-- {
		var next [][]string
		for _, s := range last {
			for _, w := range words {
				next = append(next, append(slices.Clone(s), w))
			}
		}
		out = append(out, next...)
		last = next
	}
	return out
}

// combination is a pipeline of a mode: the stages between source and end.
type combination struct {
	mode          pipeline.Mode
	trunk, branch []string // branch: behind a tee, if there is one
	tee           bool
	end           []string
}

func (c combination) stages() string {
	all := append([]string{"source"}, c.trunk...)
	if !c.tee {
		return "[" + strings.Join(append(all, c.end...), ", ") + "]"
	}
	branch := strings.Join(append(slices.Clone(c.branch), c.end...), ", ")
	all = append(all, "tee: {branches: [{name: a, stages: ["+branch+"]}]}")
	return "[" + strings.Join(all, ", ") + "]"
}

func (c combination) has(stage string) bool {
	return slices.Contains(c.trunk, stage) || slices.Contains(c.branch, stage) || slices.Contains(c.end, stage)
}

// refused returns the problem that a combination must have by the documented rules; "" if it
// must be accepted.
func (c combination) refused() string {
	way := slices.Concat(c.trunk, c.branch)
	rings, blind := 0, false
	for i, s := range way {
		switch s {
		case "gop_ring":
			rings++
		case "keyframes":
			blind = true
		case "motion":
			behind := slices.Contains(way[i:], "gop_ring") || c.tee && i < len(c.trunk)
			if blind {
				return "sees nothing behind keyframes"
			}
			if !behind {
				return "are lost"
			}
		}
	}
	switch {
	case c.mode == pipeline.ModeEvent && rings == 0:
		return "without gop_ring"
	case c.mode == pipeline.ModeEvent && rings > 1:
		return "waits for the same events"
	}
	return ""
}

var fullEnd = []string{"segmenter", "mp4: {sync: none}", "metadata"}

func combinations() (all []combination) {
	words := []string{"gop_ring", "motion", "keyframes", "tracks"}
	for _, mode := range []pipeline.Mode{pipeline.ModeManual, pipeline.ModeAlways, pipeline.ModeEvent} {
		for _, trunk := range sequences(words, 3) {
			all = append(all, combination{mode: mode, trunk: trunk, end: fullEnd})
			if len(trunk) > 1 {
				continue
			}
			for _, end := range [][]string{{"segmenter", "mp4: {sync: none}", `"null"`}, {"segmenter", `"null"`}, {`"null"`}} {
				all = append(all, combination{mode: mode, trunk: trunk, end: end})
			}
			for _, branch := range sequences(words, 2) {
				all = append(all, combination{mode: mode, trunk: trunk, tee: true, branch: branch, end: fullEnd})
			}
		}
	}
	return all
}

// compiled reads a configuration of one pipeline as spool check does.
func compiled(t *testing.T, dir, text string) ([]recorder.Declared, error) {
	t.Helper()
	file := filepath.Join(dir, "config.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	cfg, err := configs.Load(configs.Options{File: file, Check: Problems})
	if err != nil {
		return nil, err
	}
	return Compile(cfg)
}

// TestEveryCombinationIsRefusedOrRight tries every order of stages in every mode. spool check
// refuses a combination that would not work as declared, with line and remedy. An accepted
// combination starts, takes an event, and stops as declared.
func TestEveryCombinationIsRefusedOrRight(t *testing.T) {
	dir := t.TempDir()
	r := newEventFixture(t, pipeline.ModeManual, "", "")
	tried := 0
	for i, c := range combinations() {
		text := fmt.Sprintf("mp4: {record_path: %q, before_duration: 1, after_duration: 1}\npipelines:\n  c%d:\n    streams: [live/c%d]\n    record: %s\n    stages: %s\n", r.dir, i, i, c.mode, c.stages())
		declared, err := compiled(t, dir, text)
		want := c.refused()
		if want != "" {
			require.ErrorContains(t, err, want, "%s", text)
			require.Regexp(t, `config\.yaml:6:\d+: pipelines/c\d+/stages/\d.*\(.+\)`, err.Error(), "file, line, fault and remedy")
			continue
		}
		require.NoError(t, err, "%s", text)
		if len(c.trunk) > 2 || len(c.trunk)+len(c.branch) > 2 {
			continue // longer ones consist of the same pieces
		}
		tried++
		t.Run(string(c.mode)+" "+c.stages(), func(t *testing.T) { r.t = t; r.run(c, declared[0], fmt.Sprintf("live/c%d", i)) })
	}
	r.t = t
	require.Greater(t, tried, 50)
}

// arrived reports whether the source has sent so many chunks, and whether every stage that
// passes chunks on has taken them, up to the first that holds them back.
func arrived(stages []pipeline.StageStatus, chunks uint64) bool {
	if len(stages) == 0 || stages[0].Given < chunks {
		return false
	}
	for _, s := range stages[1:] {
		name := s.Stage[strings.LastIndex(s.Stage, "/")+1:] // without the name of its branch
		switch {
		case !slices.Contains([]string{"gop_ring", "motion", "keyframes", "tracks", "tee"}, name):
			return true
		case s.Taken < chunks || s.Busy > 0:
			return false
		case name == "gop_ring":
			return true
		}
	}
	return true
}

// run records one stream with a combination from start to stop, with an event in the middle.
func (r *eventFixture) run(c combination, d recorder.Declared, stream string) {
	t := r.t
	_, _, err := r.recorder.Update(t.Context(), []recorder.Declared{d}, nil)
	require.NoError(t, err)
	const gop, chunk = 12, 4 * 12 // frames, at 25 a second: a chunk holds the GOPs of two seconds
	f := r.announce(stream, gop)
	if c.mode == pipeline.ModeManual {
		already, err := r.recorder.Start(stream, recorder.StartOptions{})
		require.NoError(t, err)
		require.False(t, already)
	}
	f.awaitSource()            // frames sent before it subscribes are lost
	flow := func(frames int) { // waits until the closed chunks are where an event finds them
		f.send(frames)
		require.Eventually(t, func() bool {
			s := r.recorder.Status(stream)
			return len(s) == 1 && arrived(s[0].Stages, uint64((f.frames-1)/chunk))
		}, time.Minute, time.Millisecond)
	}
	flow(100)
	taken, err := r.events(time.Second, time.Second).Trigger(t.Context(), stream, pipeline.Trigger{
		ID: media.EventID(stream, "k"), Key: "k", At: f.at(4.2), Before: -1, After: -1, WaitUntil: time.Now().Add(time.Hour),
	})
	if !c.has("mp4: {sync: none}") {
		require.Error(t, err)
		var shown *api.Error
		require.True(t, errors.As(err, &shown) && shown.Code == 404, "%v", err)
	} else {
		require.NoError(t, err)
		require.Len(t, taken.Pipelines, 1)
	}
	flow(60)
	was, err := r.recorder.Stop(t.Context(), stream)
	require.NoError(t, err)
	require.Equal(t, c.mode != pipeline.ModeEvent, was)
	files := f.end()
	if !c.has("metadata") {
		require.Empty(t, files)
		return
	}
	require.NotEmpty(t, files)
	page, err := r.catalogue.Events(t.Context(), media.EventQuery{Key: "k", Stream: stream})
	require.NoError(t, err)
	require.Len(t, page.Events, 1)
	require.NotEmpty(t, page.Events[0].Recordings)
	require.NotZero(t, page.Events[0].ActualUTC)
	if c.mode == pipeline.ModeEvent { // the recording begins with the event and not with the stream
		require.Len(t, files, 1)
		require.Greater(t, files[0].StartUTC, f.at(0).UnixNano())
	}
}
