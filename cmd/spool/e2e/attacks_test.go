package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest/rtsp/rtsptest"
)

const (
	attackedMax  = 128 << 20 // memory.max of the attacked recorder
	attackedBase = 64 << 20  // allowance for code, stacks, and garbage that is not collected yet
)

// The names of the cameras that publish beside an attack and after it.
const beside, after = "good/beside-%d", "good/after-%d"

// stranger is the source address of attacks; no camera has it.
const stranger = "127.0.0.66"

// attacked is a recorder that records every published stream, with well-behaved publishers.
type attacked struct {
	*recorder
	address string
	login   rtsptest.Login
	clip    *rtsptest.Clip
	cameras map[string]*rtsptest.Publisher
	playing sync.WaitGroup
	stop    context.CancelFunc
}

func newAttacked(t *testing.T, cameras, overUDP int) *attacked {
	t.Helper()
	clips, err := filmed()
	require.NoError(t, err)
	udp := udpPair(t)
	const password = "a camera's own"
	config := fmt.Sprintf(`
memory: {max: %d}
mp4: {sync: none, filename_pattern: "{stream_path}/{timestamp}_{ms}.mp4"}
ingest: {auth: {users: [{name: camera, password_hash: %q, publish: ["**"]}]}}
pipelines:
  good: {streams: ["good/**"], stages: [source, gop_ring, segmenter, mp4, metadata]}
  evil: {record: always, streams: ["evil/**"], stages: [source, gop_ring, segmenter, mp4, metadata]}
`, attackedMax, hashed(t, password))
	cam, err := rtsptest.Start(clips, 1)
	require.NoError(t, err)
	t.Cleanup(cam.Close)
	config += "streams:\n"
	for _, name := range []string{"redirect-loop", "redirect-four", "redirect-elsewhere", "hangs-up", "garbage-between-frames"} {
		config += fmt.Sprintf("  evil/%s: {pull: %q}\n", name, cam.URL(name))
	}
	patient := func(format string, n int) { // a busy machine may keep it from sending
		config += fmt.Sprintf("  "+format+": {read_timeout: 1m}\n", n)
	}
	for n := range cameras {
		patient("good/%02d", n)
	}
	for n := range rtsptest.Attacks() {
		patient(beside, n)
		patient(after, n)
	}
	a := &attacked{
		recorder: serveStatic(t, config, "--set", fmt.Sprintf("ingest/rtsp/udp={rtp: %d, rtcp: %d}", udp, udp+1)),
		login:    rtsptest.Login{User: "camera", Password: password}, clip: clips[rtsptest.H264], cameras: map[string]*rtsptest.Publisher{},
	}
	a.address = strings.TrimPrefix(a.rtsp, "rtsp://")
	a.expect("evil/", "remote:"+stranger, "publisher refused", "gortsplib", "connection")
	ctx, stop := context.WithCancel(t.Context())
	a.stop = stop
	for n := range cameras {
		publish, name := rtsptest.Publish, fmt.Sprintf("good/%02d", n)
		if n < overUDP {
			publish = rtsptest.PublishUDP
		}
		a.start(name, "?wait=true")
		p, err := publish(a.address, name, a.login, a.clip)
		require.NoError(t, err)
		a.cameras[name] = p
		a.playing.Go(func() {
			if err := p.Play(ctx); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	t.Cleanup(func() { stop(); a.playing.Wait() })
	return a
}

// attacker returns an attacker with a random source of its own.
func (a *attacked) attacker(seed, n uint64) rtsptest.Attacker {
	return rtsptest.Attacker{Server: a.address, From: stranger, Login: a.login, Random: rand.New(rand.NewPCG(seed, n)), Clip: a.clip}
}

// lostNothing ends the good publishers and requires that every access unit that they have sent
// is in one file.
func (a *attacked) lostNothing(t *testing.T) {
	t.Helper()
	a.stop()
	a.playing.Wait()
	for name, p := range a.cameras {
		require.NoError(t, p.Leave(), name)
		a.of(t).holds(name, a.clip, p)
	}
}

// sent returns how many access units the good publishers have sent.
func (a *attacked) sent() (n int) {
	for _, p := range a.cameras {
		n += p.Sent(rtsptest.H264) + p.Sent(rtsptest.AAC)
	}
	return n
}

// holds requires that a stream's only recording holds the published media.
func (r *recorder) holds(stream string, played *rtsptest.Clip, p *rtsptest.Publisher) {
	r.t.Helper()
	recs := r.awaitRecords(stream, 1)
	require.Len(r.t, recs, 1, stream)
	require.Empty(r.t, r.stream(stream).Drops, stream)
	got := r.tracks(recs[0].File, "va")
	for i := range got.Tracks {
		codec := got.Tracks[i].Codec
		m, err := played.Track(codec).Match(&got.Tracks[i])
		require.NoError(r.t, err, stream)
		require.Empty(r.t, m.Missing, stream)
		require.Equal(r.t, p.Sent(codec), m.From+m.Count, "%s of %s", codec, stream)
		if codec != rtsptest.AAC {
			require.Zero(r.t, m.From, stream)
		}
	}
}

// aCameraGetsIn publishes one more stream.
func (a *attacked) aCameraGetsIn(t *testing.T, name string) {
	t.Helper()
	a.of(t).start(name, "?wait=true")
	p, err := rtsptest.Publish(a.address, name, a.login, a.clip)
	require.NoError(t, err)
	require.NoError(t, p.Send(50))
	require.NoError(t, p.Leave())
	a.of(t).holds(name, a.clip, p)
}

// TestAttacks runs every attack of rtsptest one after another. The publishers lose nothing, and
// a new camera can publish.
func TestAttacks(t *testing.T) {
	t.Parallel()
	a := newAttacked(t, 5, 1)
	for i, attack := range rtsptest.Attacks() {
		t.Run(strings.ReplaceAll(attack.Name, " ", "-"), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*patience) // not to measure speed, but to end
			defer cancel()
			ended := make(chan error, 1)
			go func() { ended <- attack.Run(ctx, a.attacker(1, uint64(i))) }()
			a.aCameraGetsIn(t, fmt.Sprintf(beside, i))
			require.NoError(t, <-ended)
			require.NoError(t, ctx.Err(), "the server lets it last for ever")
			a.aCameraGetsIn(t, fmt.Sprintf(after, i))
			require.Less(t, a.of(t).memory("VmHWM"), attackedMax+attackedBase)
		})
	}
	t.Run("another's-ports", func(t *testing.T) { a.portsAreTheirs(t) })
	t.Run("another's-session", func(t *testing.T) { a.sessionsAreTheirs(t) })
	a.lostNothing(t)
	require.Less(t, a.memory("VmHWM"), attackedMax+attackedBase)
}

// portsAreTheirs requests the ports that another publisher sends from, and invalid ports.
func (a *attacked) portsAreTheirs(t *testing.T) {
	ports := append(a.cameras["good/00"].ClientPorts(), "0-1", "70000-70001", "-1-0", "65535-65536", "1-0")
	for _, p := range ports {
		c, err := rtsptest.Dial(a.address, "")
		require.NoError(t, err)
		defer c.Close()
		c.SignIn(a.login.User, a.login.Password)
		url := "rtsp://" + a.address + "/evil/ports"
		r, err := c.Ask("ANNOUNCE", url, rtsptest.Describe(a.clip), "Content-Type: application/sdp")
		require.NoError(t, err)
		require.Equal(t, 200, r.Status)
		r, err = c.Ask("SETUP", url+"/trackID=0", "", "Transport: RTP/AVP;unicast;mode=record;client_port="+p)
		if err == nil { // otherwise the server closed the connection
			require.GreaterOrEqual(t, r.Status, 400, "client_port=%s", p)
		}
		c.Close()
		eventually(t, "the path is free", func() bool { return a.of(t).stream("evil/ports").State != "live" })
	}
}

// sessionsAreTheirs uses another publisher's session on a connection of its own, with
// credentials and without.
func (a *attacked) sessionsAreTheirs(t *testing.T) {
	for _, name := range []string{"good/00", "good/01"} {
		victim := a.cameras[name]
		for i, method := range []string{"PAUSE", "RECORD", "SETUP", "ANNOUNCE", "TEARDOWN", "RECORD", "SETUP", "ANNOUNCE", "TEARDOWN"} {
			from := stranger
			if i > 4 {
				from = "" // from the publisher's own address
			}
			c, err := rtsptest.Dial(a.address, from)
			require.NoError(t, err)
			r, err := c.Ask(method, victim.URL, "", "Session: "+victim.Session, "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record")
			if err == nil {
				require.GreaterOrEqual(t, r.Status, 400, "%s of %s", method, name)
			}
			c.Close()
		}
		require.Equal(t, "live", a.of(t).stream(name).State)
	}
}

// TestChaos runs all attacks at once, repeatedly, while twenty streams are recorded. With
// E2E_LONG it runs for ten minutes.
func TestChaos(t *testing.T) {
	t.Parallel()
	lasts := 10 * time.Second
	if long {
		lasts = 10 * time.Minute
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	a := newAttacked(t, 20, 2)
	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	var all sync.WaitGroup
	rounds := make([]int, len(rtsptest.Attacks()))
	for i, attack := range rtsptest.Attacks() {
		all.Go(func() {
			attacker := a.attacker(seed, uint64(i))
			for ctx.Err() == nil {
				if err := attack.Run(ctx, attacker); err != nil && ctx.Err() == nil {
					t.Errorf("%s, round %d: %v", attack.Name, rounds[i], err)
					return
				}
				rounds[i]++
			}
		})
	}
	all.Wait()
	a.lostNothing(t)
	high := a.memory("VmHWM")
	t.Logf("%d access units sent and recorded; rounds of each attack: %v; %.1f MiB resident at most", a.sent(), rounds, float64(high)/(1<<20))
	require.Less(t, high, attackedMax+attackedBase)
}
