package example

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// One call drains the stage, aborts it, breaks and delays its neighbours, and
// finds every goroutine and every chunk that it leaves.
func TestSkipKeepsTheContract(t *testing.T) {
	pipelinetest.Contract(t, nil, func(*testing.T, *media.Pool) pipeline.Env { return pipelinetest.Env() })
}

func TestSkipLeavesOutTheBeginning(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool) // 25 pictures a second
	cam.GOP = 50
	shot := append(cam.Shoot(t, 10*25), cam.Cut()...)
	s, err := newSkip(pipeline.NewSettings(pipelinetest.Env(), "late", "live/x", "skip"), SkipConfig{First: config.Duration(3 * time.Second)})
	require.NoError(t, err)
	total, got := 0, []*media.Chunk{}
	for _, c := range shot {
		total += c.AccessUnits()
		require.NoError(t, s.Process(t.Context(), c, func(c *media.Chunk) error { got = append(got, c); return nil }))
	}
	require.NoError(t, s.Flush(t.Context(), nil))
	require.True(t, got[0].StartsGOP)
	require.EqualValues(t, pipelinetest.StartUTC+4e9, got[0].UTC, "the first key frame after three seconds")
	kept := 0
	for _, c := range got {
		kept += c.AccessUnits()
		c.Release()
	}
	var r pipeline.Report
	s.(pipeline.Reporter).Report(&r)
	require.EqualValues(t, total-kept, r.Drops[0].AccessUnits)
}

// A user declares the stage, and gets an error for a mistyped setting.
func TestSkipIsDeclared(t *testing.T) {
	for yaml, want := range map[string]string{
		"[contract_from_chunk, skip: {first: 2s}, contract_to_chunk]": "",
		"[contract_from_chunk, skip, contract_to_chunk]":              "",
		"[contract_from_chunk, skip: {frist: 2s}, contract_to_chunk]": "did you mean",
		"[contract_from_chunk, skip: {first: -1}, contract_to_chunk]": "negative",
		"[contract_from_recording, skip: {}, contract_to_chunk]":      "skip takes *media.Chunk, but contract_from_recording before it gives media.Recording",
	} {
		n, err := config.Parse("skip.yaml", []byte(yaml))
		require.NoError(t, err)
		_, problems := pipeline.Compile("late", n)
		if want == "" {
			require.NoError(t, problems.Err(), yaml)
			continue
		}
		require.ErrorContains(t, problems.Err(), want, yaml)
	}
}
