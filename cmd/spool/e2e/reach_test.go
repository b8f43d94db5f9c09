package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/webhook"
)

// stagesOf declares a pipeline with a further stage behind mp4.
func stagesOf(further string) string {
	return "streams: [live/a]\nrecord: always\nstages: [source, gop_ring, segmenter: {max_duration: 1}, mp4, " + further + "metadata]\n"
}

// attacksByPUT lists declarations that would reach outside of the recorder. PATH stands for a
// file that must not exist afterwards, and URL for a server that must not receive a request.
var attacksByPUT = map[string]struct{ text, kind, at string }{
	"exec":                 {stagesOf(`exec: {command: [/usr/bin/touch, PATH]}, `), inYAML, "stages/4/exec/command"},
	"exec in JSON":         {`{"streams":["live/a"],"record":"always","stages":["source","gop_ring",{"segmenter":{"max_duration":1}},"mp4",{"exec":{"command":["/usr/bin/touch","PATH"]}},"metadata"]}`, "application/json", "stages/4/exec/command"},
	"exec in a tee":        {"streams: [live/a]\nrecord: always\nstages: [source, tee: {branches: [{name: x, stages: [segmenter: {max_duration: 1}, mp4, exec: {command: [/usr/bin/touch, PATH]}, metadata]}]}]\n", inYAML, "stages/1/tee/branches/0/stages/2/exec/command"},
	"exec in a tee's tee":  {"streams: [live/a]\nrecord: always\nstages: [source, tee: {branches: [{name: x, stages: [tee: {branches: [{name: y, stages: [segmenter, mp4, exec: {command: [/usr/bin/touch, PATH]}, metadata]}]}]}]}]\n", inYAML, "exec/command"},
	"exec by an anchor":    {"streams: [live/a]\nrecord: always\nstages: [source, gop_ring, segmenter: {max_duration: 1}, mp4, exec: &e {command: [/usr/bin/touch, PATH]}, exec: *e, metadata]\n", inYAML, "stages/5/exec/command"},
	"exec by a merge":      {"streams: [live/a]\nrecord: always\nstages: [source, gop_ring, segmenter, mp4, exec: {<<: {command: [/usr/bin/touch, PATH]}}, metadata]\n", inYAML, "stages/4/exec/command"},
	"exec beside use":      {stagesOf(`exec: {use: done, command: [/usr/bin/touch, PATH]}, `), inYAML, "stages/4/exec/command"},
	"exec's environment":   {stagesOf(`exec: {use: done, environment: [SPOOL_HTTP__AUTH]}, `), inYAML, "stages/4/exec/environment"},
	"exec's directory":     {stagesOf(`exec: {use: done, record_path: /root}, `), inYAML, "stages/4/exec/record_path"},
	"unknown command":      {stagesOf(`exec: {use: other}, `), inYAML, "stages/4/exec/use"},
	"command by no name":   {stagesOf(`exec: {use: ""}, `), inYAML, "exec"},
	"upper case":           {stagesOf(`Exec: {Command: [/usr/bin/touch, PATH]}, `), inYAML, "there is no stage"},
	"upper case of a key":  {stagesOf(`exec: {Command: [/usr/bin/touch, PATH]}, `), inYAML, "unknown key"},
	"webhook":              {stagesOf(`webhook: {url: "URL"}, `), inYAML, "stages/4/webhook/url"},
	"webhook and a secret": {stagesOf(`webhook: {use: office, secret_file: /etc/shadow}, `), inYAML, "stages/4/webhook/secret_file"},
	"a secret variable":    {stagesOf(`webhook: {use: office, secret_env: SPOOL_SECRET}, `), inYAML, "stages/4/webhook/secret_env"},
	"webhook's directory":  {stagesOf(`webhook: {use: office, record_path: /root}, `), inYAML, "stages/4/webhook/record_path"},
	"unknown server":       {stagesOf(`webhook: {use: other}, `), inYAML, "stages/4/webhook/use"},
	"a file":               {"streams: [live/a]\nrecord: always\nstages: [file: {path: /etc/shadow}, segmenter, mp4, metadata]\n", inYAML, "stages/0/file/path"},
	"a file of a source":   {"streams: [live/a]\nrecord: always\nstages: [source: {pull: 'file:/etc/shadow'}, segmenter, mp4, metadata]\n", inYAML, "unknown key"},
	"another directory":    {"streams: [live/a]\nrecord: always\nstages: [source, segmenter, mp4: {record_path: PATH}, metadata]\n", inYAML, "stages/2/mp4/record_path"},
	"above by dots":        {"streams: [live/a]\nrecord: always\nstages: [source, segmenter, mp4: {record_path: recordings/../outside}, metadata]\n", inYAML, "stages/2/mp4/record_path"},
	"beside by its name":   {"streams: [live/a]\nrecord: always\nstages: [source, segmenter, mp4: {record_path: recordings-more}, metadata]\n", inYAML, "stages/2/mp4/record_path"},
	"through a link":       {"streams: [live/a]\nrecord: always\nstages: [source, segmenter, mp4: {record_path: recordings/link/x}, metadata]\n", inYAML, "stages/2/mp4/record_path"},
	"the outbox":           {"streams: [live/a]\nrecord: always\nstages: [source, segmenter, mp4: {record_path: recordings/.spool-notices}, metadata]\n", inYAML, "stages/2/mp4/record_path"},
	"SQLite's journal":     {"streams: [live/a]\nrecord: always\nstages: [source, segmenter, mp4: {record_path: recordings/spool.db-journal}, metadata]\n", inYAML, "stages/2/mp4/record_path"},
	"a pattern's journal":  {"streams: [live/a]\nrecord: always\nstages: [source, segmenter, mp4: {filename_pattern: 'spool.db-journal/{stream}_{date}_{time}.mp4'}, metadata]\n", inYAML, "filename_pattern"},
	"a pattern with dots":  {"streams: [live/a]\nrecord: always\nstages: [source, segmenter, mp4: {filename_pattern: '../../{seq}.mp4'}, metadata]\n", inYAML, "filename_pattern"},
	"a pattern from above": {"streams: [live/a]\nrecord: always\nstages: [source, segmenter, mp4: {filename_pattern: '/tmp/{seq}.mp4'}, metadata]\n", inYAML, "filename_pattern"},
	"a time with dots":     {"streams: [live/a]\nrecord: always\nstages: [source, segmenter, mp4: {filename_pattern: '{date:../../%Y}.mp4'}, metadata]\n", inYAML, "filename_pattern"},
	"a directory in a tee": {"streams: [live/a]\nrecord: always\nstages: [source, tee: {branches: [{name: x, stages: [segmenter, mp4: {record_path: PATH}, metadata]}]}]\n", inYAML, "mp4/record_path"},
	"modes of files":       {"streams: [live/a]\nrecord: always\nstages: [source, segmenter, mp4: {file_mode: '0644'}, metadata]\n", inYAML, "stages/2/mp4/file_mode"},
	"another group":        {"streams: [live/a]\nrecord: always\nstages: [source, segmenter, mp4: {group: daemon}, metadata]\n", inYAML, "stages/2/mp4/group"},
	"streams of its own":   {stagesOf("") + "pull: file:/etc/shadow\n", inYAML, "unknown key"},
	"a declare block":      {stagesOf("") + "declare: {exec: [{name: x, command: [/usr/bin/touch, PATH]}]}\n", inYAML, "unknown key"},
}

// allowed is a configuration that allows pipelines made by API to run one command, to notify one
// server and to record to one more directory.
func allowed(ran, url, more string) string {
	return pullLiveA + fmt.Sprintf(`
declare:
  exec: [{name: done, command: [/bin/sh, -c, 'echo "$1" >> "$0"; env >> "$0.env"', %q, "{path}"]}]
  webhooks: [{name: office, url: %q}]
  directories: [%q]
`, ran, url, more)
}

// TestAPipelineByRequestReachesNothingElse tries every resource that a declaration can name. It
// then uses the resources that the configuration allows, also after a restart.
func TestAPipelineByRequestReachesNothingElse(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	evil, office := startHook(t), startHook(t)
	ran, outside, more := filepath.Join(home, "ran"), filepath.Join(home, "evil"), filepath.Join(home, "more")
	require.NoError(t, os.MkdirAll(filepath.Join(home, "recordings"), 0o755))
	require.NoError(t, os.Symlink(home, filepath.Join(home, "recordings", "link")))
	r := launch(t, racyBinary, home, allowed(ran, office.URL, more))
	fill := strings.NewReplacer("PATH", outside, "URL", evil.URL)
	for name, a := range attacksByPUT {
		for _, query := range []string{"?dry_run=true", ""} {
			code := map[string]int{"": 422, "?dry_run=true": 200}[query]
			resp, body := r.send("PUT", "/mp4/pipelines/evil"+query, fill.Replace(a.text), "Content-Type", a.kind)
			require.Equal(t, code, resp.StatusCode, "%s: %s", name, body)
			require.Contains(t, body, a.at, name)
			require.NotContains(t, body, home+"/recordings", name)
		}
	}
	require.NotContains(t, r.pipelines(), "evil")
	require.NoFileExists(t, filepath.Join(r.files, ".spool-pipelines.yaml"))

	good := fmt.Sprintf("streams: [live/a]\nrecord: always\nstages: [source, gop_ring, segmenter: {max_duration: 1}, mp4: {record_path: %q}, exec: {use: done}, webhook: {use: office, notify: [finished]}, metadata]\n", filepath.Join(more, "deep"))
	r.expect("a record directory is not managed")
	resp, body := r.send("PUT", "/mp4/pipelines/good", good, "Content-Type", inYAML)
	require.Equal(t, 200, resp.StatusCode, body)
	eventually(t, "the command ran and the server was notified", func() bool { return len(lines(ran)) > 1 && len(office.finishedFiles()) > 1 })
	require.True(t, strings.HasPrefix(lines(ran)[0], filepath.Join(more, "deep")), "%s is where it is recorded", lines(ran)[0])
	declaration := r.pipelines()["good"].Declaration
	require.Contains(t, declaration, "use: done")
	require.NotContains(t, declaration, ran, "the command is in the configuration file only")
	require.NotContains(t, declaration, office.URL)
	resp, body = r.send("PUT", "/mp4/pipelines/good", declaration, "Content-Type", inYAML)
	require.Equal(t, 200, resp.StatusCode, "the shown declaration can be declared: %s", body)
	require.Equal(t, 0, r.signal(syscall.SIGTERM))

	r = launch(t, racyBinary, home, "")
	r.expect("a record directory is not managed")
	before := len(lines(ran))
	eventually(t, "the command runs after the restart", func() bool { return len(lines(ran)) > before })
	require.NoFileExists(t, outside)
	require.NoDirExists(t, filepath.Join(home, "outside"))
	require.NoDirExists(t, filepath.Join(home, "x"))
	require.NoDirExists(t, filepath.Join(home, "recordings-more"))
	require.Empty(t, evil.told())
}

// TestAPipelineThatIsNoLongerAllowedDoesNotRun revokes a permission by a reload and by a restart. The
// pipeline stays stored, reports why it does not run, and runs again when the file allows it.
func TestAPipelineThatIsNoLongerAllowedDoesNotRun(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	office := startHook(t)
	ran, more := filepath.Join(home, "ran"), filepath.Join(home, "more")
	const others = "pipelines: {own: {streams: [live/a], record: always, stages: [source, gop_ring, segmenter, mp4, metadata]}}\n"
	r := launch(t, racyBinary, home, allowed(ran, office.URL, more)+others)
	resp, body := r.send("PUT", "/mp4/pipelines/good", stagesOf("exec: {use: done}, "), "Content-Type", inYAML)
	require.Equal(t, 200, resp.StatusCode, body)
	eventually(t, "the command ran", func() bool { return len(lines(ran)) > 0 })

	r.expect("is stored but does not run")
	r.configure(pullLiveA + others)
	resp, body = r.send("POST", "/mp4/reload", "")
	require.Equal(t, 200, resp.StatusCode, body)
	isRefused := func(r *recorder) {
		t.Helper()
		_, body := r.send("GET", "/mp4/pipelines/good", "")
		require.Contains(t, body, `"refused":"`)
		require.Contains(t, body, "declare.exec has no")
		_, body = r.send("GET", "/mp4/health", "")
		require.Contains(t, body, `"pipelines_refused"`)
		require.Contains(t, body, "pipeline good")
		require.Empty(t, r.pipelines()["good"].Recording)
		require.NotEmpty(t, r.pipelines()["own"].Recording, "other pipelines record")
	}
	isRefused(r)
	require.Equal(t, 0, r.signal(syscall.SIGTERM))
	r = launch(t, racyBinary, home, "")
	r.expect("is stored but does not run")
	eventually(t, "the file's own pipeline records", func() bool { return len(r.pipelines()["own"].Recording) > 0 })
	isRefused(r)
	before := len(lines(ran))
	r.configure(allowed(ran, office.URL, more) + others)
	resp, body = r.send("POST", "/mp4/reload", "")
	require.Equal(t, 200, resp.StatusCode, body)
	eventually(t, "the command runs again", func() bool { return len(lines(ran)) > before })
	_, body = r.send("GET", "/mp4/health", "")
	require.NotContains(t, body, "pipelines_refused")
}

// TestAPlantedFileOfPipelinesIsNotObeyed plants a file of pipelines. The recorder starts,
// records the pipelines of the configuration, logs a remedy, and keeps the planted content. When
// the file is spool's own, it runs the pipelines that a request could have made.
func TestAPlantedFileOfPipelinesIsNotObeyed(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(kept string) error{
		"group writable":      func(kept string) error { return os.Chmod(kept, 0o660) },
		"world writable":      func(kept string) error { return os.Chmod(kept, 0o606) },
		"another's":           func(kept string) error { return os.Chown(kept, 65534, 65534) },
		"a link":              func(kept string) error { return planted(kept, os.Symlink) },
		"a hard link":         func(kept string) error { return planted(kept, os.Link) },
		"an open directory":   func(kept string) error { return os.Chmod(filepath.Dir(kept), 0o777) },
		"another's directory": func(kept string) error { return os.Chown(filepath.Dir(kept), 65534, -1) },
		"another's directory, sticky": func(kept string) error {
			dir := filepath.Dir(kept)
			return errors.Join(os.Chown(dir, 65534, -1), os.Chmod(dir, 0o755|os.ModeSticky))
		},
		"half a file": func(kept string) error { return os.WriteFile(kept, []byte("evil: {stages: ["), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			outside := filepath.Join(home, "evil")
			kept := filepath.Join(home, "recordings", ".spool-pipelines.yaml")
			require.NoError(t, os.MkdirAll(filepath.Dir(kept), 0o755))
			text := "evil: {streams: [live/a], record: always, stages: [source, gop_ring, segmenter: {max_duration: 1}, mp4, exec: {command: [/usr/bin/touch, " + outside + "]}, metadata]}\n" +
				"plain: {streams: [live/a], record: always, stages: [source, gop_ring, segmenter, mp4, metadata]}\n"
			require.NoError(t, os.WriteFile(kept, []byte(text), 0o600))
			require.NoError(t, plant(kept))
			was, err := os.ReadFile(kept)
			require.NoError(t, err)
			r := launch(t, staticBinary, home, pullLiveA+"pipelines: {own: {streams: [live/a], record: always, stages: [source, gop_ring, segmenter, mp4, metadata]}}\n")
			r.expect("the pipelines made by API do not run", "a restart forgets", "is stored but does not run")
			r.await("the pipelines made by API do not run")
			eventually(t, "the file's own pipeline records", func() bool { return len(r.pipelines()["own"].Recording) > 0 })
			require.Len(t, r.pipelines(), 2, "with that of the block egress")
			resp, body := r.send("PUT", "/mp4/pipelines/new", stagesOf(""), "Content-Type", inYAML)
			require.Equal(t, 409, resp.StatusCode, body)
			now, err := os.ReadFile(kept)
			require.NoError(t, err)
			require.Equal(t, string(was), string(now), "nothing is lost")

			require.NoError(t, os.Remove(kept))
			require.NoError(t, os.Chown(filepath.Dir(kept), os.Geteuid(), -1))
			require.NoError(t, os.Chmod(filepath.Dir(kept), 0o755))
			require.NoError(t, os.WriteFile(kept, []byte(text), 0o600))
			resp, body = r.send("POST", "/mp4/reload", "")
			require.Equal(t, 200, resp.StatusCode, body)
			eventually(t, "the allowed pipeline runs", func() bool { return len(r.pipelines()["plain"].Recording) > 0 })
			require.Empty(t, r.pipelines()["evil"].Recording)
			r.await("a pipeline made by API is stored but does not run", "pipeline", "evil")
			require.Equal(t, 0, r.signal(syscall.SIGTERM))
			require.NoFileExists(t, outside)
		})
	}
}

// planted moves a file and makes a link of the given kind from its old path to the new one.
func planted(kept string, lead func(from, to string) error) error {
	if err := os.Rename(kept, kept+".moved"); err != nil {
		return err
	}
	return lead(kept+".moved", kept)
}

// TestPlantedNoticesAndCommandsAreNotObeyed checks that stored notices and commands that another
// user may have written are neither sent nor run, nor are those that the configuration does not
// have. The valid ones are.
func TestPlantedNoticesAndCommandsAreNotObeyed(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	evil, office := startHook(t), startHook(t)
	ran := filepath.Join(home, "ran")
	secret := filepath.Join(home, "secret")
	require.NoError(t, os.WriteFile(secret, []byte(hookSecret), 0o600))
	outbox, store := filepath.Join(home, "recordings", ".spool-notices"), filepath.Join(home, "recordings", ".spool-commands")
	require.NoError(t, os.MkdirAll(outbox, 0o700))
	require.NoError(t, os.MkdirAll(store, 0o700))
	number := 0
	notice := func(url, secretFile string, do ...func(path string) error) {
		number++
		path := filepath.Join(outbox, fmt.Sprintf("%016x.notice", number))
		text := fmt.Sprintf(`{"id":"n%d","created_ns":%d,"target":%q,"host":"h","timeout":"10s","give_up":"72h","body":{"type":"n%d"}}`, number, time.Now().UnixNano(), webhook.Target{URL: url, SecretFile: secretFile}.Key(), number)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		for _, d := range do {
			require.NoError(t, d(path))
		}
	}
	notice(evil.URL, "")                                                                          // a server that the configuration does not have
	notice(evil.URL, "/etc/shadow")                                                               // signed with a secret of the machine
	notice(office.URL, "/etc/hostname")                                                           // a configured server, signed by another file
	notice(office.URL, secret, func(p string) error { return os.Chmod(p, 0o666) })                // any user may have written it
	notice(office.URL, secret, func(p string) error { return os.Chown(p, 65534, -1) })            // another user owns it
	notice(office.URL, secret, func(p string) error { return plantedAside(home, p, os.Symlink) }) // a link
	notice(office.URL, secret)                                                                    // as spool writes it
	planted := number

	command := []string{"/bin/sh", "-c", `echo "$1" >> "$0"`, ran, "{id}"}
	sum := sha256.Sum256([]byte(strings.Join(command, "\x00")))
	key := hex.EncodeToString(sum[:8])
	ids := []string{}
	kept := func(stream, path string, do ...func(path string) error) {
		id := fmt.Sprintf("0193c1f0-0000-7000-8000-%012d", len(ids)+1)
		ids = append(ids, id)
		file := filepath.Join(store, id+"-"+key+".json")
		require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, `{"pipeline":"default","key":%q,"id":%q,"stream":%q,"path":%q}`, key, id, stream, path), 0o600))
		for _, d := range do {
			require.NoError(t, d(file))
		}
	}
	require.NoError(t, os.WriteFile(filepath.Join(home, "recordings", "a.mp4"), []byte("x"), 0o600))
	kept("live/a", "a.mp4", func(p string) error { return os.Chmod(p, 0o666) })
	kept("live/a", "a.mp4", func(p string) error { return os.Chown(p, 65534, -1) })
	kept("live/a", "a.mp4", func(p string) error { return plantedAside(home, p, os.Symlink) })
	kept("../a", "a.mp4")
	kept("live/a", "../secret")
	kept("live/a", "a.mp4")
	right := ids[len(ids)-1]

	r := launch(t, staticBinary, home, fmt.Sprintf(`
pipelines:
  default: {stages: [source, gop_ring, segmenter, mp4, exec: {command: [/bin/sh, -c, 'echo "$1" >> "$0"', %q, "{id}"]}, metadata]}
declare: {webhooks: [{name: office, url: %q, secret_file: %q}]}
`, ran, office.URL, secret))
	r.expect("a notice of an earlier run cannot be read", "notices of an earlier run are dropped", "a command of an earlier run is not run", "compared", "held no complete chunk", "a.mp4")
	eventually(t, "the valid notice is sent and the valid command runs", func() bool { return len(office.told()) == 1 && len(lines(ran)) == 1 })
	r.await("notices of an earlier run are dropped", "host", "h")
	for n := 4; n < planted; n++ {
		r.await("a notice of an earlier run cannot be read and is not sent", "file", fmt.Sprintf("%016x.notice", n))
	}
	for _, id := range ids[:len(ids)-1] {
		r.await("a command of an earlier run is not run", "name", id+"-"+key)
	}
	require.Equal(t, 0, r.signal(syscall.SIGTERM))
	require.Equal(t, []string{right}, lines(ran))
	require.Empty(t, evil.told())
	require.Len(t, office.told(), 1)
	require.NoFileExists(t, filepath.Join(outbox, fmt.Sprintf("%016x.notice", 1)), "it is for no server of the configuration")
	require.FileExists(t, filepath.Join(outbox, fmt.Sprintf("%016x.notice", 4)), "nothing else is lost")
}

// plantedAside moves a file out of its directory and makes a link of the given kind from its old
// path to the new one.
func plantedAside(home, path string, lead func(from, to string) error) error {
	to := filepath.Join(home, filepath.Base(path))
	if err := os.Rename(path, to); err != nil {
		return err
	}
	return lead(to, path)
}

// TestALinkInTheWayOfAPipelineByRequestIsNotFollowed plants the link after the request.
func TestALinkInTheWayOfAPipelineByRequestIsNotFollowed(t *testing.T) {
	t.Parallel()
	r := serveStatic(t, pullLiveA)
	below := "streams: [live/a]\nrecord: always\nstages: [source, gop_ring, segmenter: {max_duration: 1}, mp4: {record_path: recordings/a/b}, metadata]\n"
	r.expect("a record directory is not managed")
	resp, body := r.send("PUT", "/mp4/pipelines/below", below, "Content-Type", inYAML)
	require.Equal(t, 200, resp.StatusCode, body)
	eventually(t, "it records there", func() bool {
		found, _ := filepath.Glob(filepath.Join(r.files, "a", "b", "*.mp4"))
		return len(found) > 0
	})
	r.says("POST", "/mp4/pipelines/below/stop", 200, `{"status":"stopped","name":"below","recordings":1}`)
	outside := t.TempDir()
	require.NoError(t, os.Rename(filepath.Join(r.files, "a"), filepath.Join(outside, "a")))
	require.NoError(t, os.Symlink(filepath.Join(outside, "a"), filepath.Join(r.files, "a")))
	before, err := os.ReadDir(filepath.Join(outside, "a", "b"))
	require.NoError(t, err)
	r.expect("a link leads out", "recordings/a", "live/a")
	r.says("POST", "/mp4/pipelines/below/start", 200, `{"status":"started","name":"below","recordings":1}`)
	eventually(t, "it reports why it does not record", func() bool { return strings.Contains(r.book.String(), "a link leads out") })
	after, err := os.ReadDir(filepath.Join(outside, "a", "b"))
	require.NoError(t, err)
	require.Len(t, after, len(before))
}
