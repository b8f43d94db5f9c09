package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// hook is the server of a webhook. It checks each signature.
type hook struct {
	*httptest.Server
	mu    sync.Mutex
	away  bool
	heard map[string]string // type, file and state by webhook-id
	files []string          // finished files, once for each notice
	bad   []string          // notices with a wrong signature
}

const hookSecret = "correct horse battery staple"

func startHook(t *testing.T) *hook {
	h := &hook{heard: map[string]string{}}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

// ServeHTTP stores the notices.
func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.away {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	id := r.Header.Get("webhook-id")
	mac := hmac.New(sha256.New, []byte(hookSecret))
	fmt.Fprintf(mac, "%s.%s.%s", id, r.Header.Get("webhook-timestamp"), body)
	if r.Header.Get("webhook-signature") != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
		h.bad = append(h.bad, string(body))
	}
	var said struct {
		Type      string
		Recording struct{ File, State string }
	}
	_ = json.Unmarshal(body, &said)
	if said.Type == "recording.finished" {
		h.files = append(h.files, said.Recording.File)
	}
	h.heard[id] = said.Type + " " + said.Recording.File + " " + said.Recording.State
}

func (h *hook) set(away bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.away = away
}

// finishedFiles returns the finished files, once for each notice.
func (h *hook) finishedFiles() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.files)
}

func (h *hook) forget(file string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.files = slices.DeleteFunc(h.files, func(f string) bool { return f == file })
}

func (h *hook) told() (out []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, what := range h.heard {
		out = append(out, what)
	}
	return out
}

// The server is away during a recording, and the process is then killed. The next process
// delivers all notices, including that of the file that the crash ended, and runs its command.
func TestNoticesAndCommandsOutliveAKill(t *testing.T) {
	t.Parallel()
	h, dir := startHook(t), t.TempDir()
	secret := filepath.Join(dir, "secret")
	require.NoError(t, os.WriteFile(secret, []byte(hookSecret+"\n"), 0o600))
	ran := filepath.Join(dir, "ran")
	config := pullLiveA + fmt.Sprintf(`pipelines:
  p:
    stages:
      - source
      - gop_ring
      - segmenter
      - mp4: {filename_pattern: "{stream}_{timestamp}_{seq}.mp4"}
      - exec: {command: [/bin/sh, -c, 'echo "$0" "$1" >> %s', "{file}", "{reason}"]}
      - webhook: {url: %q, notify: [started, finished], secret_file: %s}
      - metadata
`, ran, h.URL, secret)
	h.set(true)
	r := launch(t, staticBinary, dir, config)
	r.expect("a webhook could not be delivered")
	for range 2 {
		r.start("live/a", "")
		r.awaitUnits("live/a", 25)
		r.stop("live/a")
	}
	r.start("live/a", "")
	r.awaitUnits("live/a", 25)
	require.Equal(t, -1, r.signal(syscall.SIGKILL))
	finished, cut := r.list(".mp4"), r.list(".mp4.part")
	require.Len(t, finished, 2)
	require.Len(t, cut, 1)
	require.Empty(t, h.told())

	h.set(false)
	again := launch(t, staticBinary, dir, config)
	again.await("recording recovered after a crash")
	want := []string{}
	for _, file := range finished {
		want = append(want, "recording.finished "+filepath.Base(file)+" finished")
	}
	name := strings.TrimSuffix(filepath.Base(cut[0]), ".part")
	want = append(want, "recording.started "+name+".part recording", "recording.finished "+name+" recovered")
	eventually(t, "the server has heard of everything", func() bool {
		told := h.told()
		return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(told, w) })
	})
	h.mu.Lock()
	require.Empty(t, h.bad, "not signed right")
	h.mu.Unlock()
	eventually(t, "the command was run for the file that was recovered", func() bool {
		text, err := os.ReadFile(ran)
		return err == nil && strings.Contains(string(text), name+" crash\n")
	})
}
