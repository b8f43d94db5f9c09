package pipeline_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/reugn/go-streams"
	"github.com/reugn/go-streams/flow"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

func init() {
	pipeline.RegisterTransform("chunk_flow", struct{}{}, "", func(set pipeline.Settings, _ struct{}) (pipeline.Transform[*media.Chunk, *media.Chunk], error) {
		create, err := pipeline.Use[makeFlow](set)
		return pipeline.FromFlow[*media.Chunk, *media.Chunk](set, create), err
	})
}

// record runs 8 seconds of a camera through a flow into files, and checks that the run releases all its memory.
func record(t *testing.T, create makeFlow) (run *pipeline.Run, dir string, pool *media.Pool) {
	t.Helper()
	dir, pool = t.TempDir(), pipelinetest.Pool(t)
	t.Cleanup(func() { goleak.VerifyNone(t) })
	e := exampleEnv(pool)
	pipeline.Provide(e.Services, create)
	plan := compile(t, fmt.Sprintf("[camera: {length: 8s}, chunk_flow, segmenter, mp4: {record_path: %q, filename_pattern: '{seq}.mp4'}, 'null']", dir))
	run, err := plan.Build(e, "live/x", nil)
	require.NoError(t, err)
	require.NoError(t, run.Start(t.Context()))
	<-run.Done()
	return run, dir, pool
}

func TestAFilterThatDropsHalfReleasesAllMemory(t *testing.T) {
	run, dir, pool := record(t, func(*pipeline.Graph) (streams.Flow, error) {
		return flow.NewFilter(func(c *media.Chunk) bool { return c.Seq%2 == 1 }, 1), nil
	})
	require.NoError(t, run.Err())
	require.Zero(t, pool.Outstanding())
	r := run.Report()
	require.EqualValues(t, 100, r.AccessUnits)
	require.Equal(t, []pipeline.Drop{{Stage: "chunk_flow", Cause: media.DropByFlow, AccessUnits: 100, Bytes: 600}}, r.Drops)
	files, err := filepath.Glob(filepath.Join(dir, "*.mp4"))
	require.NoError(t, err)
	require.Len(t, files, 4, "a file ends where media is missing")
}

// The file behind media that a flow has dropped names the flow.
func TestAFileNamesTheFlowThatLeftMediaOut(t *testing.T) {
	defer goleak.VerifyNone(t)
	n, err := config.Parse("test.yaml", fmt.Appendf(nil, "[camera: {length: 8s}, chunk_flow, chunk_flow, segmenter, mp4: {record_path: %q, filename_pattern: '{seq}.mp4'}]", t.TempDir()))
	require.NoError(t, err)
	head, problems := pipeline.CompileHead[media.Recording]("test", n)
	require.NoError(t, problems.Err())
	pool := pipelinetest.Pool(t)
	e := exampleEnv(pool)
	pipeline.Provide(e.Services, makeFlow(func(*pipeline.Graph) (streams.Flow, error) {
		return flow.NewFilter(func(c *media.Chunk) bool { return c.Seq < 4 || c.Seq > 6 }, 1), nil
	}))
	source, err := head.AsSource(t.Context(), e, "live/x")
	require.NoError(t, err)
	gaps := map[string]media.Gap{}
	for el := range source.Out() {
		r := el.(media.Recording)
		if r.State == media.StateFinished {
			gaps[r.Path] = r.Gap
		}
	}
	require.NoError(t, source.Err())
	require.Equal(t, map[string]media.Gap{
		"1.mp4": {},
		"2.mp4": {Cause: media.GapByFlow, Chunks: 3, DurationNS: 3e9},
	}, gaps)
}

// A flow may make chunks of its own.
func TestAFlowChangesTheRecording(t *testing.T) {
	run, dir, _ := record(t, func(*pipeline.Graph) (streams.Flow, error) {
		return flow.NewMap(func(c *media.Chunk) *media.Chunk {
			lead, sizes := c.Lead(), []uint32{}
			var b []byte
			for range lead.Len() {
				sizes, b = append(sizes, 9), append(b, 0, 0, 0, 5, 0x65, 'D', 'O', 'O', 'R')
			}
			lead.SizeBytes, lead.Payload = sizes, media.NewPayload(b)
			return c
		}, 1), nil
	})
	require.NoError(t, run.Err())
	require.Empty(t, run.Report().Drops)
	text, err := os.ReadFile(filepath.Join(dir, "1.mp4"))
	require.NoError(t, err)
	require.Equal(t, 200, bytes.Count(text, []byte("DOOR")))
}

func TestAFlowThatMakesABrokenChunkFails(t *testing.T) {
	run, _, pool := record(t, func(*pipeline.Graph) (streams.Flow, error) {
		return flow.NewMap(func(c *media.Chunk) *media.Chunk {
			c.Lead().Payload = media.NewPayload([]byte("three"))
			return c
		}, 1), nil
	})
	require.ErrorContains(t, run.Err(), "stage chunk_flow: flow: the flow gave a *media.Chunk that no stage can take: track 1: Size adds up to 150 bytes, and Payload has 5")
	require.Zero(t, pool.Outstanding())
}
