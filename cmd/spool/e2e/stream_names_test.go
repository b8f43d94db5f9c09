package e2e

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// evilNames are options, shell text and files, as names of streams.
var evilNames = []string{
	"--config=/etc/evil", "live/-rf", "-", "live/--", "`touch pwned`", "$(touch pwned)", "live/$(touch pwned)", "a;touch pwned", "a|touch pwned", "a&touch pwned", "a>pwned", "a<pwned",
	"a'b", `a"b`, "a\ntouch pwned", "@/etc/shadow", "~root/x", "+x", " a", "a ", "a/ b", "a*", "a?", "a[b]", "a{b}", "a%b", "a#b", "a!b", ":a", "a=b", "a\\b", "a\u202eb", "a\u00a0b",
}

// escapedPath returns a name as in a URL, with every byte except slashes as %XX.
func escapedPath(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		if c == '/' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// TestNamesBecomeNeitherOptionsNorScript sends names in every way. A name that a program could
// mistake for something else is refused with the reason, and an accepted one reaches a command
// as text.
func TestNamesBecomeNeitherOptionsNorScript(t *testing.T) {
	t.Parallel()
	r := serveStatic(t, fmt.Sprintf(`
pipelines:
  default:
    record: always
    stages:
      - source
      - gop_ring
      - segmenter
      - mp4
      - exec: {command: [/bin/sh, -c, 'printf "%%s|%%s|%%s|%%s\n" "$1" "$SPOOL_STREAM" "$2" "$SPOOL_FILE" >> "$0"', %q, "{stream}", "{file}"]}
      - metadata
`, "ran"))
	r.expect("publisher refused", "bad request", "connection", "gortsplib", "RTSP")
	for _, name := range evilNames {
		for _, ask := range []string{"POST /mp4/start/%s?wait=true", "POST /mp4/event/%s", "POST /mp4/stop/%s"} {
			method, path, _ := strings.Cut(fmt.Sprintf(ask, url.PathEscape(name)), " ")
			path = strings.ReplaceAll(path, "%2F", "/")
			code, body := r.ask(method, path)
			require.Equal(t, 400, code, "%s %q: %s", ask, name, body)
			if !strings.ContainsAny(name, "\n\\") { // these cannot be in a path of the API
				require.Contains(t, string(body), "allowed are", "%s %q", ask, name)
			}
		}
	}
	file := x264Clip(t)
	for _, name := range []string{"--config=/etc/evil", "live/-rf", "live/$(touch pwned)", "`touch pwned`", "a;touch pwned", "@/etc/shadow"} {
		p := publish(t, file, r.rtsp+"/"+escapedPath(name), "tcp")
		require.Error(t, <-p.done, name)
		require.Contains(t, p.book.String(), "400", name)
	}
	require.Empty(t, answer[struct{ Streams []any }](r, "GET", "/mp4/streams").Streams)
	for _, name := range []string{"kamera ä/1", "大门（东）/x-rf"} {
		publish(t, file, r.rtsp+"/"+escapedPath(name), "tcp", "-t", "2").finish()
		rec := r.awaitRecords(url.QueryEscape(name), 1)[0]
		require.NotContains(t, rec.File, "/-")
	}
	ran := filepath.Join(r.dir, "ran")
	eventually(t, "a command ran for each", func() bool { b, _ := os.ReadFile(ran); return strings.Count(string(b), "\n") == 2 })
	text, err := os.ReadFile(ran)
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSpace(line), "|")
		require.Equal(t, f[0], f[1])
		require.Equal(t, f[2], f[3])
	}
	require.Contains(t, string(text), "大门（东）/x-rf|")
	require.NoFileExists(t, filepath.Join(r.dir, "pwned"))
}

// TestEvilNamesAreRefusedInTheConfiguration tests a stream's key, a job's stream, and a
// placeholder in a script. The error names the place.
func TestEvilNamesAreRefusedInTheConfiguration(t *testing.T) {
	t.Parallel()
	binary, err := staticBinary()
	require.NoError(t, err)
	check := func(config string) string {
		file := filepath.Join(t.TempDir(), "config.yaml")
		require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
		_, complaint, err := run(t, binary, "check", "-c", file)
		require.Error(t, err, config)
		require.Contains(t, complaint, "config.yaml:", config)
		return complaint
	}
	for _, name := range evilNames {
		require.Contains(t, check(fmt.Sprintf("streams: {%q: {}}\n", name)), "allowed are", name)
		require.Contains(t, check(fmt.Sprintf("crontab: {jobs: [{name: x, cron: '0 0 * * *', action: record_start, stream: %q}]}\n", name)), "allowed are", name)
	}
	for _, command := range []string{`[sh, -c, "echo {stream}"]`, `[/usr/bin/env, -S, "sh -c 'echo {stream}'"]`, `[sudo, bash, -ec, "{file}"]`, `[ssh, host, touch, "{path}"]`, `[python3, -c, "print('{stream}')"]`, `["{stream}"]`} {
		said := check("pipelines: {a: {record: always, stages: [source, gop_ring, segmenter, mp4, exec: {command: " + command + "}, metadata]}}\n")
		require.Contains(t, said, "the publisher of a stream", command)
	}
	require.Contains(t, check("pipelines: {-rf: {record: always, stages: [source, gop_ring, segmenter, mp4, metadata]}}\n"), "begins with a letter")
}

// TestOldNamesStayInUse checks that recordings of an earlier version under a name that is
// refused now are listed, found by their stream, played and deleted.
func TestOldNamesStayInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := launch(t, staticBinary, dir, camera25)
	id := r.recordsOne(1)
	rec := r.rows("", 10)[0]
	r.end()
	const stream, file = "live/-rf $(touch x)`;'", "-old/--config=$(touch x)&.mp4"
	require.NoError(t, os.Mkdir(r.path("-old"), 0o755))
	require.NoError(t, os.Rename(r.path(rec.File), r.path(file)))
	db, err := sql.Open("sqlite", r.path("spool.db"))
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "UPDATE spool_recordings SET stream = ?, file_path = ?", stream, file)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "INSERT INTO spool_streams (path) VALUES (?)", stream)
	require.NoError(t, err)
	require.NoError(t, db.Close())

	r = launch(t, staticBinary, dir, camera25)
	for _, query := range []string{"", "stream=" + url.QueryEscape(stream), "stream=" + url.QueryEscape("live/*")} {
		rows := r.rows(query, 10)
		require.Len(t, rows, 1, query)
		require.Equal(t, []string{id, file}, []string{rows[0].ID, rows[0].File}, query)
	}
	r.serves(r.rows("", 10))
	code, body := r.ask("DELETE", "/mp4/records?start=0&end=9000000000&stream="+url.QueryEscape(stream))
	require.Equal(t, 200, code, "%s", body)
	require.NoFileExists(t, r.path(file))
}
