package live

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/bench/bareserver"
	"github.com/gospool/spool/bench/child"
	"github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/bench/proc"
	"github.com/gospool/spool/bench/publishload"
	"github.com/gospool/spool/bench/yardstick"
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
		s, err := bareserver.StartRTSP(args[0], false)
		if err != nil {
			return err
		}
		return discard(ctx, s, len(args) > 1)
	},
	"receiver": func(ctx context.Context, args []string) error {
		s, err := bareserver.StartUDP(args[0], 2, false)
		if err != nil {
			return err
		}
		return discard(ctx, s, len(args) > 1)
	},
	"load": func(ctx context.Context, args []string) error {
		load := &publishload.Load{URL: args[0], N: 2, Clip: pictures(), Sound: true, InPhase: len(args) > 1, Ready: func() { fmt.Println(ReadyLine) }}
		err := load.Run(ctx)
		_ = json.NewEncoder(os.Stdout).Encode(Totals{Stats: load.Stats(), Sent: load.Sent()})
		return err
	},
	"fail": func(context.Context, []string) error { return fmt.Errorf("no such camera") },
	"deaf": func(ctx context.Context, _ []string) error { <-ctx.Done(); return nil },
}

// discard runs a server until ctx ends, and prints its totals. If it is leaky, it counts half the access units.
func discard(ctx context.Context, s bareserver.Publishers, leaky bool) error {
	<-ctx.Done()
	s.Close()
	stats := s.Stats()
	if leaky {
		stats.Units /= 2
	}
	return json.NewEncoder(os.Stdout).Encode(stats)
}

// pictures returns a clip of three pictures in two GOPs.
func pictures() *clip.Clip {
	sets := [][]byte{{0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x47, 0xfe, 0xc8}, {0x68, 0xce, 0x3c, 0x80}}
	return &clip.Clip{FPS: 25, SPS: sets[0], PPS: sets[1], Units: []clip.Unit{
		{NALs: [][]byte{sets[0], sets[1], {0x65, 0x88, 1}}, IDR: true}, {NALs: [][]byte{{0x41, 0x9a, 2}}}, {NALs: [][]byte{{0x65, 0x88, 3}}, IDR: true},
	}}
}

func as(role string, args ...string) []string {
	return append([]string{os.Args[0], "as", role}, args...)
}

func settings(t *testing.T, servers ...Server) Settings {
	return Settings{
		Servers: servers, Load: as("load", "rtsp://{addr}/cam%d"), Streams: 2, Runs: 2,
		Warm: 10 * time.Millisecond, Window: 300 * time.Millisecond, Tail: 10 * time.Millisecond, Rest: 10 * time.Millisecond, TempDir: t.TempDir(),
	}
}

func TestCompareRunsServersInTurn(t *testing.T) {
	s := settings(t,
		Server{Name: "one", Argv: as("server", "{addr}"), Took: Printed, Rest: true},
		Server{Name: "two", Argv: as("server", "127.0.0.1:{port}"), Config: "listen: {addr}"})
	samples, err := Compare(t.Context(), s)
	require.NoError(t, err)
	require.Len(t, samples, 4)
	for i, sample := range samples {
		require.Equal(t, []string{"one", "two"}[i%2], sample.Server)
		require.Equal(t, i/2+1, sample.Run)
		require.Positive(t, sample.Sent.Units, "the generator's last line")
		require.Positive(t, sample.Usage.RSSBytes)
		require.GreaterOrEqual(t, sample.PeakBytes, sample.Usage.PeakRSSBytes, "up to the end of the load")
		if sample.Server == "one" {
			require.Equal(t, &Taken{Whole: 2}, sample.Taken)
			require.Positive(t, sample.RestBytes)
		} else {
			require.Nil(t, sample.Taken)
			require.Zero(t, sample.RestBytes)
		}
		require.GreaterOrEqual(t, sample.Window, s.Window)
	}
	left, err := os.ReadDir(s.TempDir)
	require.NoError(t, err)
	require.Empty(t, left, "what a run leaves is removed")
	var out bytes.Buffer
	require.NoError(t, WriteTable(&out, Summarise(samples, "two", 2), "two", 2))
	require.Contains(t, out.String(), "two / this")
	require.Contains(t, out.String(), "one: 2/2 streams whole, 0 access units lost\ntwo: not compared with what was sent\n")
}

// The publishers of MPEG-TS begin when the server has opened all its ports: a datagram that comes before is lost.
func TestAServerOfDatagramsIsAwaited(t *testing.T) {
	s := settings(t, Server{Name: "receiver", Argv: as("receiver", "{addr}"), Took: Printed}, Server{Name: "leaky", Argv: as("receiver", "{addr:1}", "half"), Took: Printed})
	s.Protocol, s.Load, s.Runs = "ts", as("load", "udp://{addr}"), 1
	samples, err := Compare(t.Context(), s)
	require.ErrorContains(t, err, "leaky took 0 of 2 streams whole, and lost ")
	require.Len(t, samples, 2)
	require.Equal(t, &Taken{Whole: 2}, samples[0].Taken)

	address, err := child.FreeDatagramAddress(1)
	require.NoError(t, err)
	require.False(t, bound(address))
	c, err := net.ListenPacket("udp", address)
	require.NoError(t, err)
	require.True(t, bound(address))
	require.NoError(t, c.Close())
}

func TestWhatGoesWrongIsNamed(t *testing.T) {
	ok := Server{Name: "ok", Argv: as("server", "{addr}")}
	for name, c := range map[string]struct {
		server Server
		load   []string
		says   []string
	}{
		"server fails":        {Server{Name: "broken", Argv: as("fail")}, nil, []string{"run 1 of broken", "broken ended early", "no such camera"}},
		"no program":          {Server{Name: "gone", Argv: []string{"/nonexistent"}}, nil, []string{"gone", "no such file"}},
		"load fails":          {ok, as("fail"), []string{"run 1 of ok", "load ended early", "no such camera"}},
		"server loses":        {Server{Name: "leaky", Argv: as("server", "{addr}", "half"), Took: Printed}, nil, []string{"run 1", "leaky took 0 of 2 streams whole, and lost ", "run 2"}},
		"server is mute":      {Server{Name: "mute", Argv: as("server", "{addr}"), Took: func(Ended) (Taken, error) { return Taken{}, os.ErrNotExist }}, nil, []string{"mute", "not exist"}},
		"nothing is recorded": {Server{Name: "idle", Argv: as("server", "{addr}"), Took: Recordings(pictures())}, nil, []string{"idle", "no MP4 file"}},
		"no configuration":    {Server{Name: "bad", Argv: as("server", "{config:/nonexistent}")}, nil, []string{"bad", "no such file"}},
		"load is broken":      {ok, []string{"/nonexistent"}, []string{"load", "no such file"}},
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

func TestACommandIsAServer(t *testing.T) {
	config := filepath.Join(t.TempDir(), "server.yml")
	require.NoError(t, os.WriteFile(config, []byte("listen: {addr}\npath: {dir}/x\n"), 0o600))
	recorded := func(Ended) (Taken, error) { return Taken{Whole: 7}, nil }
	for text, want := range map[string]Server{
		"/bin/server -l {addr}":                {Name: "server", Argv: []string{"/bin/server", "-l", "{addr}"}},
		"other=server :{port}":                 {Name: "other", Argv: []string{"server", ":{port}"}},
		"server {dir}/config.yaml":             {Name: "server", Argv: []string{"server", "{dir}/config.yaml"}},
		"env A={addr} server":                  {Name: "env", Argv: []string{"env", "A={addr}", "server"}},
		"ts {addr:1} {addr:2}":                 {Name: "ts", Argv: []string{"ts", "{addr:1}", "{addr:2}"}},
		"my=server -c {config:" + config + "}": {Name: "my", Argv: []string{"server", "-c", "{config:" + config + "}"}},
	} {
		s, err := Command(text, recorded)
		require.NoError(t, err, text)
		require.Equal(t, want.Name, s.Name)
		require.Equal(t, want.Argv, s.Argv)
		require.Equal(t, strings.Contains(text, "{dir}") || strings.Contains(text, config), s.Took != nil, text)
	}
	for text, says := range map[string]string{
		"": "empty", "=x {addr}": "neither COMMAND nor NAME=COMMAND", "x= {addr}": "neither COMMAND", "server": "neither {addr} nor {port}",
		"server {config:/nonexistent}": "no such file",
	} {
		_, err := Command(text, recorded)
		require.ErrorContains(t, err, says, text)
	}

	p := places{addr: "127.0.0.1:554", http: "127.0.0.1:80", dir: t.TempDir()}
	argv, err := p.fill([]string{"{port}", "{http}", "{addr:3}", "--config={config:" + config + "}"})
	require.NoError(t, err)
	require.Equal(t, []string{"554", "127.0.0.1:80", "127.0.0.1:556"}, argv[:3])
	b, err := os.ReadFile(strings.TrimPrefix(argv[3], "--config="))
	require.NoError(t, err)
	require.Equal(t, "listen: 127.0.0.1:554\npath: "+p.dir+"/x\n", string(b))
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
		return Sample{
			Server: server, Run: run, Window: 10 * time.Second, PeakBytes: int64(cpu.Seconds()) * 1e6,
			Usage: proc.Usage{User: cpu, RSSBytes: int64(run) * 1e6, WriteCalls: 50},
			Sent:  publishload.Stats{Units: 10, Late: 1}, Taken: &Taken{Whole: run, Lost: 1},
		}
	}
	rows := Summarise([]Sample{
		sample("bare", 1, 1*time.Second), sample("spool", 1, 2*time.Second),
		sample("bare", 2, 4*time.Second), sample("spool", 2, 6*time.Second),
		sample("bare", 3, 2*time.Second), sample("spool", 3, 2*time.Second),
	}, "spool", 2)
	require.Len(t, rows, 2)
	bare, spool := rows[0], rows[1]
	require.Equal(t, "bare", bare.Server)
	require.Equal(t, Spread{100, 50, 200}, bare.CPU, "ms a second and stream")
	require.Equal(t, Spread{1.5, 1, 2}, bare.CPURatio, "of spool to bare")
	require.Equal(t, Spread{1.5, 1, 2}, bare.PeakRatio)
	require.Equal(t, Spread{100, 100, 300}, spool.CPU)
	require.Equal(t, Spread{1, 1, 1}, spool.CPURatio)
	require.EqualValues(t, 2e6, spool.RSSBytes)
	require.Equal(t, 5.0, spool.Writes)
	require.True(t, spool.Checked)
	require.Equal(t, []int64{1, 3, 3, 30}, []int64{int64(spool.Whole), spool.Lost, spool.Late, spool.Sent}, "the fewest whole, and sums")
	require.Zero(t, yardstick.Median(nil))
	require.Equal(t, 1.5, yardstick.Median([]float64{2, 1}))
}
