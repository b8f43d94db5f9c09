package webhook

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// skipping is a clock that jumps over every wait.
type skipping struct {
	mu  sync.Mutex
	now time.Time
}

func (c *skipping) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *skipping) After(d time.Duration) (<-chan time.Time, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	over := make(chan time.Time, 1)
	over <- c.now
	return over, func() {}
}

// receiver is a server that answers as its test wants, and keeps the accepted bodies.
type receiver struct {
	*httptest.Server
	answer func(attempt int, body string) int

	mu       sync.Mutex
	attempts int
	got      []*http.Request
	bodies   []string
}

func listen(t *testing.T, answer func(attempt int, body string) int) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.attempts++
	status := r.answer(r.attempts, string(body))
	if status == http.StatusOK {
		r.got, r.bodies = append(r.got, q), append(r.bodies, string(body))
	}
	w.WriteHeader(status)
}

func (r *receiver) heard() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.bodies...)
}

func accept(int, string) int { return http.StatusOK }

// process is an outbox with the tasks that end with it.
type process struct {
	*Outbox
	tasks *pipeline.Tasks
}

func begin(t *testing.T, dir string, clock pipeline.Clock) process {
	t.Helper()
	env := pipelinetest.Env()
	tasks := pipeline.NewTasks(env.Log, clock)
	o, err := Open(Options{Dir: dir, Tasks: tasks, Clock: clock, Log: env.Log, Find: find})
	require.NoError(t, err)
	p := process{o, tasks}
	t.Cleanup(func() { p.end(t) })
	return p
}

func (p process) end(t *testing.T) {
	t.Helper()
	require.NoError(t, p.tasks.Stop(context.Background()))
	p.Close()
}

func newClock() *skipping { return &skipping{now: time.Unix(1_700_000_000, 0)} }

// known holds the targets of a configuration, by their keys: each one for which a test makes a notice.
var known sync.Map

func find(key string) (Target, bool) {
	t, has := known.Load(key)
	if !has {
		return Target{}, false
	}
	return t.(Target), true
}

func notice(clock pipeline.Clock, url, body string) Notice {
	now, target := clock.Now(), Target{URL: url}
	known.Store(target.Key(), target)
	return Notice{
		ID: media.NewID(now).String(), CreatedUTC: now.UnixNano(), Target: target, Body: json.RawMessage(body),
		Timeout: config.Duration(10 * time.Second), GiveUp: config.Duration(time.Hour),
	}
}

func settled(t *testing.T, o *Outbox) {
	t.Helper()
	require.Eventually(t, func() bool { return o.Counts().Waiting == 0 }, time.Minute, time.Millisecond)
}

func files(t *testing.T, dir string) int {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	return len(entries)
}

func noLeak(t *testing.T) { t.Cleanup(func() { goleak.VerifyNone(t) }) }

func TestNoticesArriveInTheirOrderAndLeaveNothing(t *testing.T) {
	noLeak(t)
	clock, dir := newClock(), t.TempDir()
	server := listen(t, accept)
	p := begin(t, dir, clock)
	var want []string
	for i := range 50 {
		want = append(want, fmt.Sprintf(`{"n":%d}`, i))
		require.NoError(t, p.Put(notice(clock, server.URL, want[i])))
	}
	settled(t, p.Outbox)
	require.Equal(t, want, server.heard())
	require.Equal(t, Counts{Delivered: 50}, p.Counts())
	require.Zero(t, files(t, dir))
}

func TestNoticesWaitForAServerThatIsAway(t *testing.T) {
	noLeak(t)
	clock, dir := newClock(), t.TempDir()
	server := listen(t, func(attempt int, _ string) int {
		return []int{503, 500, 429, 200, 200}[min(attempt-1, 4)]
	})
	p := begin(t, dir, clock)
	before := clock.Now()
	require.NoError(t, p.Put(notice(clock, server.URL, `"a"`)))
	require.NoError(t, p.Put(notice(clock, server.URL, `"b"`)))
	settled(t, p.Outbox)
	require.Equal(t, []string{`"a"`, `"b"`}, server.heard())
	require.Equal(t, Counts{Delivered: 2, Failed: 3}, p.Counts())
	require.Greater(t, clock.Now().Sub(before), 3*time.Second, "there was a pause after each failure")
}

// After a kill the next process sends every notice that Put has accepted.
func TestNoticesAreReplayedAfterARestart(t *testing.T) {
	noLeak(t)
	clock, dir := newClock(), t.TempDir()
	away := httptest.NewServer(http.NotFoundHandler())
	url := away.URL
	away.Close()
	first := begin(t, dir, pipeline.SystemClock) // waits for real, so it does not get far
	require.NoError(t, first.Put(notice(first.clock, url, `"a"`)))
	require.NoError(t, first.Put(notice(first.clock, url, `"b"`)))
	require.Eventually(t, func() bool { n, why := first.Waiting(url); return n == 2 && why != "" }, time.Minute, time.Millisecond)
	first.end(t)
	require.Equal(t, 2, files(t, dir))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "0000000000000001.notice.new"), []byte(`{"id":`), 0o600)) // cut short by a crash
	require.NoError(t, os.WriteFile(filepath.Join(dir, "0000000000000002.notice"), []byte(`{"id":`), 0o600))     // damaged

	server := listen(t, accept)
	known.Store(Target{URL: url}.Key(), Target{URL: server.URL}) // the server is back, under another port
	second := begin(t, dir, clock)
	settled(t, second.Outbox)
	require.Equal(t, []string{`"a"`, `"b"`}, server.heard())
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "an unreadable notice stays for the operator")
}

func TestRefusedNoticeDelaysItselfOnly(t *testing.T) {
	noLeak(t)
	clock, dir := newClock(), t.TempDir()
	stored := make(chan struct{}) // both are, before the first is answered
	refused := 0
	server := listen(t, func(_ int, body string) int {
		<-stored
		if body == `"bad"` {
			refused++
			return http.StatusBadRequest
		}
		if refused != 1 { // it waited for the bad one
			return http.StatusTeapot
		}
		return http.StatusOK
	})
	p := begin(t, dir, clock)
	require.NoError(t, p.Put(notice(clock, server.URL, `"bad"`)))
	require.NoError(t, p.Put(notice(clock, server.URL, `"good"`)))
	close(stored)
	settled(t, p.Outbox)
	require.Equal(t, []string{`"good"`}, server.heard())
	c := p.Counts()
	require.Equal(t, [2]int{1, 1}, [2]int{c.Delivered, c.GivenUp}, "an hour later it was given up")
	require.Greater(t, c.Failed, 5)
	require.Zero(t, files(t, dir))
}

func TestOneServerThatIsAwayDelaysNoOther(t *testing.T) {
	noLeak(t)
	clock, dir := newClock(), t.TempDir()
	server := listen(t, accept)
	hang := make(chan struct{})
	stuck := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	t.Cleanup(func() { close(hang); stuck.Close() })
	p := begin(t, dir, clock)
	require.NoError(t, p.Put(notice(clock, stuck.URL, `1`)))
	require.NoError(t, p.Put(notice(clock, server.URL, `2`)))
	require.Eventually(t, func() bool { return len(server.heard()) == 1 }, time.Minute, time.Millisecond)
	require.Eventually(t, func() bool { return p.Counts() == (Counts{Waiting: 1, Delivered: 1}) }, time.Minute, time.Millisecond)
}

func TestARedirectIsNotADelivery(t *testing.T) {
	noLeak(t)
	clock := newClock()
	server := listen(t, func(attempt int, _ string) int {
		if attempt == 1 {
			return http.StatusFound
		}
		return http.StatusOK
	})
	p := begin(t, t.TempDir(), clock)
	require.NoError(t, p.Put(notice(clock, server.URL, `1`)))
	settled(t, p.Outbox)
	require.Equal(t, Counts{Delivered: 1, Failed: 1}, p.Counts())
}

func TestSettleWaitsForServersThatAnswerOnly(t *testing.T) {
	noLeak(t)
	server := listen(t, accept)
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	p := begin(t, t.TempDir(), pipeline.SystemClock)
	for i := range 20 {
		require.NoError(t, p.Put(notice(p.clock, server.URL, fmt.Sprint(i))))
		require.NoError(t, p.Put(notice(p.clock, away.URL, fmt.Sprint(i))))
	}
	p.Settle(t.Context())
	require.Len(t, server.heard(), 20)
	require.Equal(t, 20, p.Counts().Waiting)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.Settle(ctx)
}

func TestOutboxHasABound(t *testing.T) {
	noLeak(t)
	p := begin(t, t.TempDir(), newClock())
	p.mu.Lock()
	p.count.Waiting = maxWaiting
	p.mu.Unlock()
	require.ErrorIs(t, p.Put(notice(p.clock, "http://127.0.0.1:1", `1`)), ErrFull)
}

func TestSignatureIsThatOfStandardWebhooks(t *testing.T) {
	// The example of the specification.
	key, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	require.NoError(t, err)
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
		Sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`)))
}

func TestNoticesAreSignedWithASecretThatIsNotInTheOutbox(t *testing.T) {
	noLeak(t)
	clock, dir := newClock(), t.TempDir()
	server := listen(t, accept)
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte("correct horse\n"), 0o600))
	t.Setenv("HOOK_SECRET", "whsec_"+base64.StdEncoding.EncodeToString([]byte("battery staple")))
	p := begin(t, dir, clock)
	byFile, byEnv, none := notice(clock, server.URL, `1`), notice(clock, server.URL, `2`), notice(clock, server.URL, `3`)
	byFile.Target.SecretFile, byEnv.Target.SecretEnv = file, "HOOK_SECRET"
	for _, n := range []Notice{byFile, byEnv, none} {
		require.NoError(t, p.Put(n))
	}
	settled(t, p.Outbox)
	for i, key := range []string{"correct horse", "battery staple", ""} {
		h := server.got[i].Header
		at := h.Get("webhook-timestamp")
		want := ""
		if key != "" {
			want = Sign([]byte(key), h.Get("webhook-id"), at, []byte(server.bodies[i]))
		}
		require.Equal(t, want, h.Get("webhook-signature"))
		require.Regexp(t, `^17000\d{5}$`, at)
	}
}

func TestANoticeIsNotSentUnsignedIfItsSecretIsMissing(t *testing.T) {
	noLeak(t)
	server := listen(t, accept)
	p := begin(t, t.TempDir(), pipeline.SystemClock)
	n := notice(p.clock, server.URL, `1`)
	n.Target.SecretFile = "/no/such/file"
	require.NoError(t, p.Put(n))
	require.Eventually(t, func() bool { _, why := p.Waiting(server.URL); return why != "" }, time.Minute, time.Millisecond)
	_, why := p.Waiting(server.URL)
	require.NotContains(t, why, "/no/such")
	require.Empty(t, server.heard())
}

// A notice is tried again, however far the wall clock moved while its server was away, even if it was set before this
// process began.
func TestANoticeIsNotOlderForAClockThatWasSet(t *testing.T) {
	for _, earlier := range []bool{false, true} {
		clock := &pipelinetest.Clock{}
		r := listen(t, func(attempt int, _ string) int {
			if attempt == 1 {
				clock.Set(50 * 365 * 24 * time.Hour)
				return http.StatusServiceUnavailable
			}
			return http.StatusOK
		})
		n := notice(clock, r.URL, `"a"`)
		if earlier {
			n.CreatedUTC = time.Unix(0, 0).UnixNano()
		}
		p := begin(t, t.TempDir(), clock)
		require.NoError(t, p.Put(n))
		settled(t, p.Outbox)
		require.Equal(t, []string{`"a"`}, r.heard())
		require.Zero(t, p.Counts().GivenUp)
	}
}
