package players

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// browser is a player that plays all files in one page, which sends its results to the server of the page.
type browser struct {
	program string
	// args returns the arguments of the program for a new profile directory and an address.
	args func(profile, url string) []string
	// settings, unless empty, is the file user.js of the profile.
	settings string
}

var chromium = browser{program: "chromium", args: func(profile, url string) []string {
	return []string{"--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--autoplay-policy=no-user-gesture-required", "--user-data-dir=" + profile, url}
}}

var firefox = browser{program: "firefox-esr", args: func(profile, url string) []string {
	return []string{"--headless", "--no-remote", "--profile", profile, url}
}, settings: `user_pref("media.autoplay.default", 0);
user_pref("media.autoplay.blocking_policy", 0);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.enabled", false);
user_pref("app.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("browser.startup.homepage_override.mstone", "ignore");
user_pref("datareporting.policy.firstRunURL", "");
`}

//go:embed page.html
var page []byte

// result is the message of the page about a file.
type result struct {
	n      int
	Whole  Decoded `json:"whole"`
	Middle Decoded `json:"middle"`
	Reason string  `json:"reason"`
}

// silence bounds the time between two results of a page.
const silence = 3 * time.Minute

// play starts the browser, and ends it when the page has sent the results of all files.
func (b browser) play(ctx context.Context, dir string, files []*file) error {
	results := make(chan result)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: serve(ctx, files, results), ReadHeaderTimeout: patience}
	go server.Serve(listener) //nolint:errcheck // it returns when the server is closed
	defer server.Close()
	wait, err := b.start(ctx, dir, "http://"+listener.Addr().String()+"/", stop)
	if err != nil {
		return err
	}
	defer wait()
	defer stop(nil)
	for range files {
		select {
		case r := <-results:
			files[r.n].Whole, files[r.n].Middle, files[r.n].Reason = r.Whole, r.Middle, r.Reason
		case <-time.After(silence):
			return fmt.Errorf("%s: its page sent no result within %v", b.program, silence)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// start starts the program. It calls ended with an error when the program ends. The function it returns waits for that
// and removes the profile.
func (b browser) start(ctx context.Context, dir, url string, ended func(error)) (wait func(), err error) {
	profile, err := os.MkdirTemp(dir, "profile-")
	if err != nil {
		return nil, err
	}
	if b.settings != "" {
		if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(b.settings), 0o600); err != nil {
			return nil, err
		}
	}
	cmd := exec.CommandContext(ctx, b.program, b.args(profile, url)...)
	cmd.Env, cmd.WaitDelay = append(os.Environ(), "HOME="+profile), time.Second
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := cmd.Wait()
		ended(errors.Join(fmt.Errorf("%s ended before its page had sent all results", b.program), err))
	}()
	return func() { <-done; os.RemoveAll(profile) }, nil
}

// serve returns the server of the page and of the files.
func serve(ctx context.Context, files []*file, results chan<- result) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(page)
	})
	mux.HandleFunc("GET /files", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]int{"files": len(files), "middle": middle})
	})
	mux.HandleFunc("GET /files/{name}", func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("name")
		n, err := strconv.Atoi(name[:len(name)-len(filepath.Ext(name))])
		if err != nil || n < 0 || n >= len(files) {
			http.NotFound(w, r)
			return
		}
		http.ServeFile(w, r, files[n].path)
	})
	mux.HandleFunc("POST /results/{n}", func(w http.ResponseWriter, r *http.Request) {
		var got result
		n, err := strconv.Atoi(r.PathValue("n"))
		if err = errors.Join(err, json.NewDecoder(r.Body).Decode(&got)); err != nil || n < 0 || n >= len(files) {
			http.Error(w, "bad result", http.StatusBadRequest)
			return
		}
		got.n = n
		select {
		case results <- got:
		case <-ctx.Done():
		}
	})
	return mux
}
