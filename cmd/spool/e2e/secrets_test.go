package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// canary begins every secret of these tests: no output of the program may contain it.
const canary = "c4n4rie"

// secretive is a configuration with a secret in every possible place.
const secretive = `
log: {level: debug}
http:
  auth:
    users: [{name: joe, password_hash: %[1]q, roles: [view]}]
    tokens:
      - {name: viewer, token: viewers-long-token-0, roles: [view]}
      - {name: reloader, token: c4n4rie-admin-token-0, roles: [admin]}
      - {name: maker, token: c4n4rie-declare-token, roles: [declare]}
ingest: {auth: {users: [{name: cam, password_hash: %[1]q, publish: ["**"]}]}}
declare:
  exec: [{name: done, command: ["false", c4n4rie47]}]
  webhooks: [{name: office, url: "http://127.0.0.1:1/c4n4rie48?code=c4n4rie49"}]
mp4: {max_duration: 1}
flush_interval: 0.2
streams:
  away: {pull: "rtsp://c4n4rie01:c4n4rie02@127.0.0.1:1/c4n4rie03?apikey=c4n4rie04&code=c4n4rie05#c4n4rie06"}
  answers: {pull: "%[2]s/c4n4rie07?access_token=c4n4rie08"}
  gone: {pull: "file:/c4n4rie09/clip.mp4?speed=max"}
  live/demo: {pull: "testpattern://?size=64x64&fps=25&gop=25"}
pipelines:
  all:
    record: always
    streams: ["**"]
    stages:
      - source
      - gop_ring
      - segmenter
      - mp4
      - webhook: {url: "http://c4n4rie11:c4n4rie12@127.0.0.1:1/c4n4rie13?X-Amz-Signature=c4n4rie14", notify: [started, finished, event]}
      - webhook: {url: "%[3]s/c4n4rie15?sig=c4n4rie16", notify: [finished]}
      - exec: {command: ["false", c4n4rie17, "--token=c4n4rie18"]}
      - exec: {command: ["/c4n4rie-no/such/program", c4n4rie19]}
      - exec: {use: done}
      - webhook: {use: office}
      - metadata
  branches:
    streams: ["none/**"]
    stages:
      - source
      - gop_ring
      - tee:
          branches:
            - {name: a, stages: [segmenter, mp4, {webhook: {url: "https://h/c4n4rie20"}}, {exec: {command: [curl, c4n4rie21]}}, metadata]}
            - {name: b, stages: [segmenter, {mp4: {record_path: other}}, metadata]}
`

// shows collects all output of the program, by its origin.
type shows struct {
	t    *testing.T
	said map[string]string
	hash string // of a password
}

func (s shows) noSecret() {
	s.t.Helper()
	for how, text := range s.said {
		text = strings.ReplaceAll(text, "/c4n4rie-no/such/program", "") // the name of a program may be shown
		if at := strings.Index(text, canary); at >= 0 {
			s.t.Errorf("%s shows a secret: ...%s...", how, text[max(0, at-150):min(len(text), at+60)])
		}
		if s.hash != "" && strings.Contains(text, s.hash) {
			s.t.Errorf("%s shows a hash", how)
		}
	}
}

// ask sends a request with a token and stores the whole response.
func (s shows) ask(r *recorder, token, method, path, body string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, r.api+path, strings.NewReader(body))
	require.NoError(s.t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("Content-Type", "application/yaml")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	s.said[fmt.Sprintf("%s %s as %q (%d)", method, path, token, resp.StatusCode)] = string(text) + fmt.Sprint(resp.Header)
	return resp.StatusCode, string(text)
}

// run stores the output of a command.
func (s shows) run(dir string, environ []string, args ...string) (out string, err error) {
	s.t.Helper()
	path, err := staticBinary()
	require.NoError(s.t, err)
	cmd := exec.CommandContext(s.t.Context(), path, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), environ...)
	text, err := cmd.CombinedOutput()
	s.said["spool "+strings.ReplaceAll(strings.Join(args, " "), canary, "")+fmt.Sprint(" ", len(s.said))] = string(text)
	return string(text), err
}

// Clients with the role view see no secret of the configuration, whatever they request and
// whatever fails, nor do readers of the log.
func TestViewersSeeNoSecretsOfTheConfiguration(t *testing.T) {
	t.Parallel()
	s := shows{t: t, said: map[string]string{}}
	camera := refusingCamera(t)
	hook := startHook(t)
	hook.set(true) // it answers 503
	dir := t.TempDir()
	s.hash = hashed(t, canary+"-password")
	config := fmt.Sprintf(secretive, s.hash, camera, hook.URL)
	r := launch(t, staticBinary, dir, config, "--set", "shutdown_timeout=2")
	r.expect("")
	eventually(t, "a file is finished, and its commands fail", func() bool {
		return r.find("command failed") != nil && r.find("a webhook could not be delivered") != nil && r.find("pull failed") != nil
	})
	const view = "viewers-long-token-0"
	code, spec := s.ask(r, view, "GET", "/mp4/openapi.json", "")
	require.Equal(t, 200, code)
	var doc struct {
		Paths map[string]map[string]json.RawMessage
	}
	require.NoError(t, json.Unmarshal([]byte(spec), &doc))
	require.Greater(t, len(doc.Paths), 15)
	braces := regexp.MustCompile(`\{[^}]*\}`)
	for path, methods := range doc.Paths {
		for _, value := range []string{"all", "away", "answers", "gone", "live/demo", "branches", "%00", "x%2fy"} {
			filled := braces.ReplaceAllString(path, value)
			for method := range methods {
				if method = strings.ToUpper(method); method == "GET" && strings.Contains(path, "events") && strings.Contains(path, "stream") {
					continue // this command does not end
				}
				s.ask(r, view, method, filled, "")
			}
			if filled == path {
				break
			}
		}
	}
	code, text := s.ask(r, view, "GET", "/mp4/pipelines/all", "")
	require.Equal(t, 200, code)
	for _, want := range []string{`http://127.0.0.1:1/…`, `command: [\"false\", \"…\"]`} {
		require.Contains(t, text, want)
	}
	_, text = s.ask(r, view, "GET", "/mp4/streams", "")
	require.Contains(t, text, "rtsp://127.0.0.1:1/…")
	for _, path := range []string{"/mp4/status", "/mp4/health", "/mp4/schedule", "/mp4/streams", "/metrics", "/readyz", "/healthz", "/", "/mp4/ui", "/mp4/"} {
		for _, token := range []string{view, "c4n4rie-admin-token-0", "c4n4rie-declare-token", ""} {
			s.ask(r, token, "GET", path, "")
		}
	}
	s.refusals(r)
	s.reloads(r, dir, config)
	s.said["the log"] = r.book.String()
	s.noSecret()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == "config.yaml" {
			return nil
		}
		text, err := os.ReadFile(path)
		if info, e := d.Info(); err == nil && e == nil && strings.Contains(string(text), canary) {
			require.Zero(t, info.Mode()&0o077, "%s holds a secret, and others may read it", path)
		}
		return nil
	}))
	require.NoError(t, r.cmd.Process.Signal(syscall.SIGQUIT)) // a crash: all stacks
	r.exit()
	s.said["the stacks of a crash"] = r.book.String()
	s.noSecret()
}

// refusals sends requests that are refused, with a secret beside each fault.
func (s shows) refusals(r *recorder) {
	s.t.Helper()
	for _, stage := range []string{
		`webhook: "https://h/c4n4rie30"`, `webhook: {url: ftp://h/c4n4rie31}`, `webhook: {url: "https://u:c4n4rie/32@h/"}`, `webhook: {url: [c4n4rie33]}`,
		`webhook: {uri: "https://h/c4n4rie34"}`, `exec: curl c4n4rie35`, `exec: {command: "curl c4n4rie36"}`, `exec: {command: [curl, {a: c4n4rie37}]}`, `exec: {command: {sh: c4n4rie38}}`,
		`exec: {command: [curl, c4n4rie39], timeout: 0}`, `"exec: curl c4n4rie40": {}`, `exec: {command: [curl], environment: [A=c4n4rie41, 7]}`, `"https://h/c4n4rie42"`,
		`webhook: {url: "https://h/c4n4rie43", timeout: 0, secret_file: a, secret_env: b}`, `webhook: {url: c4n4rie44}`, `exec: {command: [sh, -c, "c4n4rie45 {stream}"]}`,
	} {
		body := "stages: [source, gop_ring, segmenter, mp4, {" + stage + "}, metadata]"
		if strings.HasPrefix(stage, `"https`) {
			body = "stages: [source, gop_ring, segmenter, mp4, " + stage + ", metadata]"
		}
		for _, path := range []string{"/mp4/pipelines/new", "/mp4/pipelines/new?dry_run=true"} {
			code, _ := s.ask(r, "c4n4rie-declare-token", "PUT", path, body)
			require.Contains(s.t, []int{200, 403, 422}, code, body)
		}
	}
	s.ask(r, "wrong-c4n4rie46", "GET", "/mp4/streams", "")
	s.ask(r, "viewers-long-token-0", "GET", "/mp4/streams?token=c4n4rie-in-a-query", "") // a response may repeat what the client itself sent
	for how := range s.said {
		if strings.Contains(how, "c4n4rie-in-a-query") {
			delete(s.said, how)
		}
	}
}

// faultsBesideSecrets lists faults beside each secret of a configuration.
var faultsBesideSecrets = []string{
	"http: {auth: {users: [{name: 'joe:c4n4rie', password_hash: x, roles: [view]}]}}", "ingest: {auth: {users: [{name: 'cam:c4n4rie', password_hash: x, publish: [a]}]}}", "http: {auth: {tokens: [{name: a, token: *c4n4rie, roles: [view]}]}}", "http: {auth: {tokens: [{name: a, token: !c4n4rie x, roles: [view]}]}}",
	"declare: {exec: [{name: a, command: 'curl c4n4rie'}]}", "declare: {exec: ['curl c4n4rie']}", "declare: {exec: 'curl c4n4rie'}", "declare: {webhooks: [{name: 'https://c4n4rie', url: 'x://c4n4rie'}]}", "declare: {webhooks: {office: 'https://h/c4n4rie'}}",
	"database: {driver: postgres, dsn: [c4n4rie50]}", "database: {driver: postgres, dsn: 'c4n4rie51'}", "database: {driver: mysql, dsn: 'u:c4n4rie52@tcp(h'}",
	"database: {driver: postgres, dsn: 'postgres://u:c4n4rie53@h:port/db'}", "database: {driver: postgres, dsn: 'host=h password=c4n4rie54 port=x'}", "database: {driver: oracle, dsn: 'x/c4n4rie55@y'}",
	"database: {drver: x, dsn: c4n4rie56}", "database: 'postgres://u:c4n4rie57@h/d'", "database: {driver: mysql, dsn: {password: c4n4rie58}}", "database: {dsn: 'file:x?_pragma=key(c4n4rie59)', driver: 1}",
	"http: {auth: c4n4rie60}", "http: {auth: [c4n4rie61]}", "http: {auth: {tokens: [c4n4rie62]}}", "http: {auth: {tokens: c4n4rie63}}", "http: {auth: {tokens: [{name: a, token: [c4n4rie64], roles: [view]}]}}",
	"http: {auth: {tokens: [{name: a, token: c4n4, roles: [admn]}, {name: b, token: 'sha256:c4n4rie65', roles: [view]}]}}", "http: {auth: {users: [{name: a, password_hash: c4n4rie66, roles: [view]}]}}",
	"http: {auth: {users: [{name: 'a:c', password_hash: 'c4n4rie67', rolls: [view]}]}}", "http: {auth: {users: [{name: a, password: c4n4rie68, roles: [view]}]}}", "http: {auth: {users: {joe: c4n4rie69}}}",
	"ingest: {auth: {users: [{name: a, password_hash: c4n4rie70, publish: []}]}}", "ingest: {auth: c4n4rie71}", "http: {auth: {users: [{name: a, password_hash: '$argon2id$c4n4rie72', roles: [view]}]}}",
	"streams: {a: 'rtsp://u:c4n4rie73@h/x'}", "streams: {a: {pull: 'rtsp://u:c4n4rie74/x@h/x'}}", "streams: {a: {pull: 'u:c4n4rie75@h/x'}}", "streams: {a: {pull: [[rtsp://h/c4n4rie76]]}}", "streams: {a: {pul: 'rtsp://u:c4n4rie77@h/x'}}",
	"streams: {a: {pull: 'c4n4rie78'}}", "streams: {a: {pull: 'nope://u:c4n4rie79@h/x?c4n4rie'}}", "streams: {a: {pull: 'rtsp:c4n4rie80'}}", "streams: {a: {pull: 'rtsp://u:c4n4rie81@/x'}}", "streams: {'rtsp://u:c4n4rie82@h/x': {}}",
	"streams: {a: {pull: 'rtsp://h/c4n4rie83', transport: upd, tls: {fingerprint: x}}}", "streams: {a: {pull: 'rtsp://h/%zzc4n4rie84'}}", "streams: {a: {pull: \"rtsp://h/\\x07c4n4rie85\"}}", "streams: {a: {pull: 'file:'}}", "streams: ['rtsp://h/c4n4rie86']",
	"streams: {a: {pull: 'file:/x?speed=c4n4rie89'}}",
	"pipelines: {p: {stages: [source, {webhook: 'https://h/c4n4rie90'}]}}", "pipelines: {p: {stages: [source, {exec: 'curl c4n4rie91'}]}}", "pipelines: {p: {stages: 'exec curl c4n4rie92'}}", "pipelines: {p: 'https://h/c4n4rie93'}",
	"pipelines: {p: {stages: [source, gop_ring, segmenter, mp4, {webhook: {url: 'ftp://u:c4n4rie94@h'}}, metadata]}}", "pipelines: {p: {stages: [source, gop_ring, segmenter, mp4, {exec: {command: [a, c4n4rie95], concurency: 1}}, metadata]}}",
	"pipelines: {p: {stages: [source, {tee: {branches: [{name: a, stages: [{exec: 'c4n4rie96'}]}]}}]}}", "database: {driver: postgres, dsn: \"postgres://u:c4n4rie97@h/d\", dsn: \"c4n4rie\"}", "http: {auth: {tokens: [{name: a, token: \"c4n4rie98]}}",
}

// reloads gives the running program one broken configuration after another.
func (s shows) reloads(r *recorder, dir, config string) {
	s.t.Helper()
	file := filepath.Join(dir, "config.yaml")
	for _, text := range faultsBesideSecrets {
		require.NoError(s.t, os.WriteFile(file, []byte(text), 0o600))
		s.ask(r, "c4n4rie-admin-token-0", "POST", "/mp4/reload", "")
		s.said["reload of "+strings.ReplaceAll(text, canary, "")] = s.said[`POST /mp4/reload as "c4n4rie-admin-token-0" (422)`]
	}
	require.NoError(s.t, os.WriteFile(file, []byte(strings.Replace(config, "c4n4rie13", "c4n4rie99", 1)), 0o600))
	code, text := s.ask(r, "c4n4rie-admin-token-0", "POST", "/mp4/reload", "")
	require.Equal(s.t, 200, code, text)
	require.Contains(s.t, text, "all", "a webhook with another path is another pipeline")
}

// The output of the commands holds no secret of a right or wrong configuration, whether it comes
// from the file, the environment or flags.
func TestNoVerbPrintsASecret(t *testing.T) {
	t.Parallel()
	s := shows{t: t, said: map[string]string{}}
	dir := t.TempDir()
	file := filepath.Join(dir, "config.yaml")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	s.hash = hashed(t, canary+"-password")
	write(fmt.Sprintf(secretive, s.hash, "rtsp://127.0.0.1:1", "http://127.0.0.1:1") +
		"database: {driver: postgres, dsn: 'postgres://c4n4rie22:c4n4rie23@127.0.0.1:1/spool?sslpassword=c4n4rie24'}\n")
	shown, err := s.run(dir, nil, "config")
	require.NoError(t, err, shown)
	for _, want := range []string{"# Not the whole configuration", "password_hash: xxxxx", "postgres://127.0.0.1:1/spool", `command: ["false", "…"]`, `pull: "rtsp://127.0.0.1:1/…"`} {
		require.Contains(t, shown, want)
	}
	text, err := s.run(dir, nil, "check")
	require.NoError(t, err, text)
	for _, verb := range []string{"schema", "stages", "retention-plan", "reindex"} {
		_, _ = s.run(dir, nil, verb)
	}
	write(shown) // refused with a message if a setting is missing
	text, err = s.run(dir, nil, "check")
	require.Error(t, err)
	require.Contains(t, text, "write the value itself")
	for _, fault := range faultsBesideSecrets {
		write(fault + "\n")
		text, err = s.run(dir, nil, "check")
		if !strings.Contains(fault, "dsn") { // read when the database is opened
			require.Error(t, err, fault+text)
		}
		_, _ = s.run(dir, nil, "config")
		block, value, _ := strings.Cut(fault, ":")
		write("")
		_, _ = s.run(dir, []string{"SPOOL_" + strings.ToUpper(block) + "=" + strings.TrimSpace(value)}, "check")
	}
	for _, args := range [][]string{{"--set", "database/dsn:c4n4rie"}, {"--set", "database/driver=postgres", "--set", "database/dsn=c4n4rie"}, {"--set", "http/auth=c4n4rie"}, {"--set", "http/auth={tokens: [{token: c4n4rie"}, {"--set", "streams[a]/pull=c4n4rie"}} {
		write("")
		_, _ = s.run(dir, nil, append(args, "check")...)
	}
	s.noSecret()
}

// The error of an unreachable database names its host, and not the user.
func TestAnUnreachableDatabaseIsNamedWithoutSecrets(t *testing.T) {
	t.Parallel()
	for _, db := range []string{
		"driver: postgres, dsn: 'postgres://c4n4rie01:c4n4rie02@127.0.0.1:1/spool?application_name=c4n4rie03'", "driver: mysql, dsn: 'c4n4rie04:c4n4rie05@tcp(127.0.0.1:1)/spool'",
		"driver: postgres, dsn: 'host=127.0.0.1 port=1 user=c4n4rie06 password=c4n4rie07 dbname=spool'", "driver: sqlite, dsn: 'file:/proc/none/spool.db?_pragma=busy_timeout(1)&vfs=c4n4rie08'",
	} {
		s := shows{t: t, said: map[string]string{}}
		r := begin(t, staticBinary, t.TempDir(), "log: {level: debug}\nshutdown_timeout: 1\nstreams: {}\ndatabase: {"+db+"}\n")
		r.expect("")
		eventually(t, "it reports its database", func() bool { return strings.Contains(strings.ToLower(r.book.String()), "database") })
		_ = r.cmd.Process.Signal(syscall.SIGINT)
		r.exit()
		s.said[strings.ReplaceAll(db, canary, "")] = r.book.String()
		s.noSecret()
	}
}

// refusingCamera answers each RTSP request with an error that quotes the URL.
func refusingCamera(t *testing.T) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			line, _ := bufio.NewReader(c).ReadString('\n')
			where := strings.Fields(line + " x x")[1]
			fmt.Fprintf(c, "RTSP/1.0 302 see %s\r\nCSeq: 1\r\nLocation: %s&again=1\r\n\r\n", where, where)
			c.Close()
		}
	}()
	return "rtsp://" + l.Addr().String()
}
