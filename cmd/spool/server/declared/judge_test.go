package declared

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// declaration parses a declaration as a request does.
func declaration(t testing.TB, text string) *config.Node {
	t.Helper()
	n, err := config.Parse("declaration", []byte(text))
	require.NoError(t, err)
	return n
}

// TestEveryNumberOfAStageDeclaresTheResourceItTakes checks that every number, Duration or Size has
// the tag takes, with the resource that it takes of the machine, or takes:"nothing".
func TestEveryNumberOfAStageDeclaresTheResourceItTakes(t *testing.T) {
	limits, _ := config.Describe(configs.Default().Declare.Limits)
	said := 0
	for _, s := range pipeline.Stages() {
		for _, m := range s.Takes() {
			said++
			require.True(t, s.Name == "silent" || m.Text != "", "%s/%s: add the tag takes, or takes:\"nothing\"", s.Name, m.Path)
			require.True(t, m.Text == "" || m.Text == string(pipeline.TakesNothing) || limits.Get(m.Text) != nil, "%s/%s: declare.limits has no %s", s.Name, m.Path, m.Text)
		}
	}
	require.Greater(t, said, 20)
}

// TestALimitOfAPipelineMadeByRequestIsNamed checks that each refusal names the setting, its
// value and the limit. Values of the configuration file, in a pipeline, by inheritance or by
// use, are not limited.
func TestALimitOfAPipelineMadeByRequestIsNamed(t *testing.T) {
	b := based(t, `
mp4: {record_path: /records, before_duration: 50m}
declare:
  exec:
    - {name: many, command: [/bin/true], concurrency: 900, max_waiting: 90000}
    - {name: one, command: [/bin/true]}
pipelines:
  own: {stages: [source, gop_ring: {max_bytes: 4TiB, before: 900h, max_backlog: 900h}, segmenter, mp4, exec: {use: one, concurrency: 1000}, metadata]}
`)
	const branch = "{name: NAME, stages: [segmenter, mp4, metadata]}"
	branches := func(n int, more string) string {
		var list []string
		for i := range n {
			list = append(list, strings.Replace(branch, "NAME", fmt.Sprint("b", i, more), 1))
		}
		return "tee: {branches: [" + strings.Join(list, ", ") + "]}"
	}
	for stages, wrong := range map[string][]string{
		"[source, gop_ring, segmenter, mp4, metadata]":                                                           nil,
		"[source, gop_ring: {max_bytes: 256MiB}, segmenter, mp4, metadata]":                                      nil,
		"[source, gop_ring: {max_bytes: 257MiB}, segmenter, mp4, metadata]":                                      {"stages/1/gop_ring/max_bytes", "257MiB", "declare.limits.memory", "256MiB"},
		"[source, gop_ring: {max_bytes: 8388607TiB}, segmenter, mp4, metadata]":                                  {"stages/1/gop_ring/max_bytes", "8388607TiB", "256MiB"},
		"[source, gop_ring: {before: 10m, max_backlog: 10m}, segmenter, mp4, metadata]":                          nil,
		"[source, gop_ring: {before: 50m}, segmenter, mp4, metadata]":                                            nil,
		"[source, gop_ring: {before: 51m}, segmenter, mp4, metadata]":                                            {"stages/1/gop_ring/before", "51m", "declare.limits.media", "10m"},
		"[source, gop_ring: {max_backlog: 1h}, segmenter, mp4, metadata]":                                        {"stages/1/gop_ring/max_backlog", "1h", "10m"},
		"[source, gop_ring, " + branches(3, "") + "]":                                                            nil,
		"[source, gop_ring, " + branches(4, "") + "]":                                                            {"stages/2/tee/branches/3/max_bytes", "64MiB beside the 256MiB", "declare.limits.memory"},
		"[source, gop_ring, " + branches(1, ", max_bytes: 1GiB") + "]":                                           {"stages/2/tee/branches/0/max_bytes", "1GiB", "256MiB"},
		"[source, gop_ring, " + branches(1, ", max_backlog: 11m") + "]":                                          {"stages/2/tee/branches/0/max_backlog", "11m", "10m"},
		"[source, gop_ring, tee: {branches: [{name: a, stages: [" + branches(5, "") + "]}]}]":                    {"stages/2/tee/branches/0/stages/0/tee/branches/2/max_bytes", "256MiB"},
		"[source, segmenter, mp4, exec: {use: many}, exec: {use: many}, metadata]":                               nil,
		"[source, segmenter, mp4, exec: {use: one, concurrency: 4}, metadata]":                                   nil,
		"[source, segmenter, mp4, exec: {use: one, concurrency: 5}, metadata]":                                   {"stages/3/exec/concurrency", "5 is more", "declare.limits.commands", ": 4"},
		"[source, segmenter, mp4, exec: {use: one, concurrency: 3}, exec: {use: one, concurrency: 3}, metadata]": {"stages/4/exec/concurrency", "3 beside the 3", "declare.limits.commands"},
		"[source, segmenter, mp4, exec: {use: one, max_waiting: 4001}, metadata]":                                {"stages/3/exec/max_waiting", "4001", "declare.limits.waiting", "4000"},
		"[source, " + strings.Repeat("tracks, ", 46) + "segmenter, mp4, metadata]":                               nil,
		"[source, " + strings.Repeat("tracks, ", 47) + "segmenter, mp4, metadata]":                               {"51 stages", "declare.limits.stages", ": 50"},
	} {
		problems := b.judge("made", declaration(t, "stages: "+stages)).problems
		if wrong == nil {
			require.Empty(t, problems, stages)
			continue
		}
		require.Len(t, problems, 1, stages)
		require.Contains(t, problems[0].Hint, "in the configuration file")
		require.Equal(t, 1, problems[0].Pos.Line, stages)
		for _, part := range wrong {
			require.Contains(t, problems.Error(), part, stages)
		}
	}
	patterns := func(n int) string {
		return "{streams: [" + strings.Repeat("a, ", n) + "], stages: [source, segmenter, mp4, metadata]}"
	}
	require.Empty(t, b.judge("made", declaration(t, patterns(1000))).problems)
	require.ErrorContains(t, b.judge("made", declaration(t, patterns(1001))).problems, "declare.limits.patterns")

	b = based(t, "declare: {limits: {patterns: 0, stages: 0, memory: 0, media: 0, commands: 0, waiting: 0, pipelines: 0}}\n")
	free := "{streams: [" + strings.Repeat("a, ", 2000) + "], stages: [source, gop_ring: {max_bytes: 4TiB, before: 900h, max_backlog: 900h}, " +
		strings.Repeat("tracks, ", 60) + "segmenter, mp4, metadata]}"
	require.Empty(t, b.judge("made", declaration(t, free)).problems, "0 is no limit")
}

// TestTheSizeOfADeclarationIsBounded checks length and depth after anchors are expanded.
func TestTheSizeOfADeclarationIsBounded(t *testing.T) {
	b := based(t, "")
	long := "a/" + strings.Repeat("x", 1000)
	text := "streams: [&a " + long + strings.Repeat(", *a", 70) + "]\nstages: [source, segmenter, mp4, metadata]\n"
	require.ErrorContains(t, b.judge("made", declaration(t, text)).problems, "a pipeline made by API may have 65536")

	deepest := declaration(t, "streams: "+strings.Repeat("[", config.MaxDepth)+strings.Repeat("]", config.MaxDepth)+"\nstages: [source, segmenter, mp4, metadata]\n")
	require.ErrorContains(t, b.judge("made", deepest).problems, "cannot be stored", "in the file it is a level deeper")
}

// TestTheProblemsOfADeclarationAreBounded checks the bound for each kind of problem.
func TestTheProblemsOfADeclarationAreBounded(t *testing.T) {
	b := based(t, "")
	for _, stage := range []string{"x", "[]", "exec: {command: [x]}", "mp4: {more: 1}", "tracks: {keep: 1}"} {
		problems := b.judge("made", declaration(t, "stages: ["+strings.Repeat(stage+", ", 2000)+"]")).problems
		require.Len(t, problems, 101, stage)
		require.Contains(t, problems[100].Msg, "further problems are not listed")
	}
}

// ownOf returns a state with n pipelines made by API.
func ownOf(t testing.TB, b *base, n int) State {
	t.Helper()
	kept := map[string]*config.Node{}
	for i := range n {
		kept[fmt.Sprintf("clips%03d", i)] = declaration(t, clips)
	}
	s := b.over(b.judgeAll(kept), nil)
	require.Empty(t, s.Refused)
	return s
}

const clips = "streams: [live/a]\nstages: [source, gop_ring, segmenter, mp4: {fragment: true}, metadata]\n"

// put does the work of a request that declares one pipeline beside others, except for the disk.
func put(t testing.TB, now State, n *config.Node) State {
	t.Helper()
	own := maps.Clone(now.own)
	require.NoError(t, now.base.admit("new", own))
	own["new"] = now.base.judge("new", n)
	_, err := keptText(own)
	require.NoError(t, err)
	return now.base.over(own, nil)
}

// TestADeclarationCostsTheSameBesideManyOthers checks that the other pipelines are not judged,
// compiled or encoded again. It counts allocations.
func TestADeclarationCostsTheSameBesideManyOthers(t *testing.T) {
	b := based(t, "declare: {limits: {pipelines: 0}}\n")
	few, many, n := ownOf(t, b, 1), ownOf(t, b, 400), declaration(t, clips)
	next := put(t, many, n)
	require.Same(t, many.own["clips007"], next.own["clips007"])
	require.Len(t, next.Pipelines, 403) // with those of the blocks mp4 and egress
	require.True(t, slices.IsSortedFunc(next.Pipelines, byName))
	beside := func(s State) float64 { return testing.AllocsPerRun(20, func() { put(t, s, n) }) }
	first, last := beside(few), beside(many)
	t.Logf("%.0f allocations beside 1, %.0f beside 400", first, last)
	require.Less(t, last, first+100, "some larger maps and lists, and nothing for each other pipeline")
}

// BenchmarkDeclaration measures a declaration beside 1 and beside 200 other pipelines, and
// reports the ratio of the two.
func BenchmarkDeclaration(b *testing.B) {
	over := based(b, "declare: {limits: {pipelines: 0}}\n")
	n, took := declaration(b, clips), map[int]float64{}
	for _, others := range []int{1, 200} {
		b.Run(fmt.Sprint("beside ", others), func(b *testing.B) {
			now := ownOf(b, over, others)
			for b.Loop() {
				put(b, now, n)
			}
			took[others] = float64(b.Elapsed()) / float64(b.N)
			if others > 1 && took[1] > 0 {
				b.ReportMetric(took[others]/took[1], "times/first")
			}
		})
	}
}

// TestNoMorePipelinesThanAreAllowedAreMade checks that at the limit only existing pipelines may
// be changed.
func TestNoMorePipelinesThanAreAllowedAreMade(t *testing.T) {
	b := based(t, "declare: {limits: {pipelines: 3}}\n")
	now := ownOf(t, b, 2)
	require.NoError(t, b.admit("new", now.own))
	now = put(t, now, declaration(t, clips))
	require.NoError(t, b.admit("new", now.own))
	require.ErrorContains(t, b.admit("more", now.own), "3 pipelines made by API are as many as declare.limits.pipelines allows")
}

// TestARefusedPipelineIsShown checks that the readable part is shown, without secrets and
// without the parts that only its author may see.
func TestARefusedPipelineIsShown(t *testing.T) {
	b := based(t, "")
	s := b.over(b.judgeAll(map[string]*config.Node{
		"whole":   declaration(t, "{streams: [live/a], record: always, stages: [source, segmenter, mp4, exec: {command: [/bin/tell, argument-7]}, webhook: {url: 'https://u:s3cret@host/way?code=argument-7'}, metadata]}"),
		"unknown": declaration(t, "{streams: [live/b], record: event, stages: [source, tell: {token: s3cret}, gop_ring: {password: s3cret}, s3cret: x]}"),
		"no list": declaration(t, "{streams: [live/c], stages: {exec: {command: [s3cret]}}, more: s3cret}"),
		"shapes":  declaration(t, "{streams: {s3cret: 1}, record: s3cret, stages: [[s3cret], null, 's3cret']}"),
	}), nil)
	require.Len(t, s.Refused, 4)
	for name := range s.Refused {
		p := describeRefused(&s, name)
		require.NotEmpty(t, p.Refused, name)
		require.NotContains(t, p.Declaration+p.Own+strings.Join(p.Streams, "")+p.Record, "s3cret", name)
		require.NotContains(t, p.Declaration, "argument-7")
	}
	whole := describeRefused(&s, "whole")
	require.Equal(t, []string{"live/a"}, whole.Streams)
	require.Equal(t, "always", whole.Record)
	require.Equal(t, []string{"source", "segmenter", "mp4", "exec", "webhook", "metadata"}, whole.Stages)
	require.Contains(t, whole.Declaration, "/bin/tell")
	require.Contains(t, whole.Own, "argument-7", "its author may see it")
	unknown := describeRefused(&s, "unknown")
	require.Equal(t, []string{"live/b"}, unknown.Streams)
	require.Equal(t, "event", unknown.Record)
	require.Contains(t, unknown.Declaration, "gop_ring")
}
