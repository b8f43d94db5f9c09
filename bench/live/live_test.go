package live

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/bench/bareserver"
	"github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/bench/proc"
	"github.com/gospool/spool/bench/rtspload"
)

// The test binary is also the server and the generator under comparison.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "as" {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		if err := roles[os.Args[2]](ctx, os.Args[3:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

var roles = map[string]func(context.Context, []string) error{
	"server": func(ctx context.Context, args []string) error {
		s, err := bareserver.Start(args[0])
		if err != nil {
			return err
		}
		<-ctx.Done()
		s.Close()
		stats := s.Stats()
		if len(args) > 1 {
			stats.Units /= 2 // a server that loses units
		}
		return json.NewEncoder(os.Stdout).Encode(stats)
	},
	"load": func(ctx context.Context, args []string) error {
		nals := [][]byte{{0x67, 0x42, 0xc0, 0x1e}, {0x68, 0xce}, {0x65, 0x88}}
		c := &clip.Clip{FPS: 25, SPS: nals[0], PPS: nals[1], Units: []clip.Unit{{NALs: nals, IDR: true}}}
		load := &rtspload.Load{URL: args[0], N: 2, Clip: c, Ready: func() { fmt.Println(ReadyLine) }}
		err := load.Run(ctx)
		_ = json.NewEncoder(os.Stdout).Encode(load.Stats())
		return err
	},
	"fail": func(context.Context, []string) error { return fmt.Errorf("no such camera") },
	"deaf": func(ctx context.Context, _ []string) error { <-ctx.Done(); return nil },
}

func as(role string, args ...string) []string {
	return append([]string{os.Args[0], "as", role}, args...)
}

func settings(t *testing.T, servers ...Server) Settings {
	return Settings{
		Servers: servers, Load: as("load", "rtsp://{addr}/cam%d"), Streams: 2, Runs: 2,
		Warm: 10 * time.Millisecond, Window: 300 * time.Millisecond, TempDir: t.TempDir(),
	}
}

func TestCompareRunsServersInTurn(t *testing.T) {
	s := settings(t,
		Server{Name: "one", Argv: as("server", "{addr}"), Took: Printed},
		Server{Name: "two", Argv: as("server", "127.0.0.1:{port}"), Config: "listen: {addr}"})
	samples, err := Compare(t.Context(), s)
	require.NoError(t, err)
	require.Len(t, samples, 4)
	for i, sample := range samples {
		require.Equal(t, []string{"one", "two"}[i%2], sample.Server)
		require.Equal(t, i/2+1, sample.Run)
		require.Positive(t, sample.Sent.Units, "the generator's last line")
		require.Positive(t, sample.Usage.RSSBytes)
		require.Equal(t, sample.Server == "one", sample.Took > 0)
		require.GreaterOrEqual(t, sample.Window, s.Window)
	}
	left, err := os.ReadDir(s.TempDir)
	require.NoError(t, err)
	require.Empty(t, left, "what a run leaves is removed")
	var out bytes.Buffer
	require.NoError(t, WriteTable(&out, Summarise(samples), s.Streams))
	require.Contains(t, out.String(), "two")
}

func TestWhatGoesWrongIsNamed(t *testing.T) {
	ok := Server{Name: "ok", Argv: as("server", "{addr}")}
	for name, c := range map[string]struct {
		server Server
		load   []string
		says   []string
	}{
		"server fails":   {Server{Name: "broken", Argv: as("fail")}, nil, []string{"run 1", "broken ended early", "no such camera"}},
		"no program":     {Server{Name: "gone", Argv: []string{"/nonexistent"}}, nil, []string{"gone", "no such file"}},
		"load fails":     {ok, as("fail"), []string{"load ended early", "no such camera"}},
		"server loses":   {Server{Name: "leaky", Argv: as("server", "{addr}", "half"), Took: Printed}, nil, []string{"run 1", "leaky took", "sent access units"}},
		"server is mute": {Server{Name: "mute", Argv: as("server", "{addr}"), Took: func(string, string) (int64, error) { return 0, os.ErrNotExist }}, nil, []string{"mute", "not exist"}},
		"load is broken": {ok, []string{"/nonexistent"}, []string{"load", "no such file"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := settings(t, c.server)
			if c.load != nil {
				s.Load = c.load
			}
			_, err := Compare(t.Context(), s)
			for _, text := range c.says {
				require.ErrorContains(t, err, text)
			}
		})
	}
}

func TestInterruptEndsAComparison(t *testing.T) {
	s := settings(t, Server{Name: "deaf", Argv: as("deaf")})
	ctx, cancel := context.WithCancel(t.Context())
	s.Progress = func(string) { cancel() }
	_, err := Compare(ctx, s)
	require.Error(t, err)
}

func TestSummaryIsOfMediansAndRatiosWithinARun(t *testing.T) {
	sample := func(server string, run int, cpu time.Duration) Sample {
		return Sample{Server: server, Run: run, Window: 10 * time.Second, Usage: proc.Usage{User: cpu, RSSBytes: int64(run) * 1e6, WriteCalls: 50}}
	}
	rows := Summarise([]Sample{
		sample("bare", 1, 1*time.Second), sample("spool", 1, 2*time.Second),
		sample("bare", 2, 4*time.Second), sample("spool", 2, 6*time.Second),
		sample("bare", 3, 2*time.Second), sample("spool", 3, 2*time.Second),
	})
	require.Len(t, rows, 2)
	require.Equal(t, "bare", rows[0].Server)
	require.Equal(t, []float64{0.2, 0.1, 0.4, 1}, []float64{rows[0].CPU, rows[0].Low, rows[0].High, rows[0].Ratio})
	require.Equal(t, []float64{0.2, 0.2, 0.6}, []float64{rows[1].CPU, rows[1].Low, rows[1].High})
	require.InDeltaSlice(t, []float64{1.5, 1, 2}, []float64{rows[1].Ratio, rows[1].RatioLow, rows[1].RatioHigh}, 1e-9)
	require.EqualValues(t, 2e6, rows[1].RSSBytes)
	require.Equal(t, 5.0, rows[1].Writes)
	require.Zero(t, Median(nil))
	require.Equal(t, 1.5, Median([]float64{2, 1}))
}
