package newprotocol

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/auth"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/ingest/testpattern"
)

const (
	patience = 60 * time.Second
	root     = "../../.."
	frames   = 50 // at 25 frames a second
)

// build builds the program with one more line in its parts, and the package that the line
// imports.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	absolute := func(path ...string) string {
		name, err := filepath.Abs(filepath.Join(path...))
		require.NoError(t, err)
		return name
	}
	parts := absolute(root, "cmd/spool/server/parts.go")
	text, err := os.ReadFile(parts)
	require.NoError(t, err)
	const end = "\n)\n"
	require.True(t, strings.HasSuffix(string(text), end))
	more := strings.TrimSuffix(string(text), end) + "\n\t_ \"github.com/gospool/spool/stages/ingest/wire\"" + end
	changed := filepath.Join(dir, "parts.go")
	require.NoError(t, os.WriteFile(changed, []byte(more), 0o600))
	code, err := os.ReadFile("testdata/wire.go.txt")
	require.NoError(t, err)
	protocol := filepath.Join(dir, "wire.go")
	require.NoError(t, os.WriteFile(protocol, code, 0o600))
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{
		parts: changed,
		absolute(root, "stages/ingest/wire/wire.go"): protocol,
	}})
	require.NoError(t, err)
	list := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(list, overlay, 0o600))
	binary := filepath.Join(dir, "spool")
	cmd := exec.Command("go", "build", "-race", "-gcflags=modernc.org/sqlite/lib=-race=false -d=checkptr=0", // as make test
		"-gcflags=modernc.org/libc=-race=false -d=checkptr=0", "-overlay", list, "-o", binary, "github.com/gospool/spool/cmd/spool")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return binary
}

// program is a built program with a directory of its own.
type program struct {
	t           *testing.T
	binary, dir string
	environment []string
}

func (p *program) command(args ...string) *exec.Cmd {
	cmd := exec.Command(p.binary, args...)
	cmd.Dir = p.dir
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "SPOOL_") }), p.environment...)
	return cmd
}

func (p *program) write(name, text string) {
	p.t.Helper()
	require.NoError(p.t, os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600))
}

// says runs a command and returns its output.
func (p *program) says(args ...string) (out string, err error) {
	text, err := p.command(args...).CombinedOutput()
	return string(text), err
}

func TestAProtocolIsOnePackageAndOneLine(t *testing.T) {
	p := &program{t: t, binary: build(t), dir: t.TempDir()}
	t.Run("reference", p.reference)
	t.Run("schema", p.schema)
	t.Run("check", p.check)
	t.Run("serve", p.serve)
}

func (p *program) reference(t *testing.T) {
	out, err := p.says("config", "--reference")
	require.NoError(t, err, out)
	require.Contains(t, out, `
  # Access units behind their lengths.
  wire:
    # host:port; empty is off.
    listen: ""
`)
	require.Contains(t, out, "    # What a client hears when it may publish.\n    greeting: welcome\n")
	require.Contains(t, out, "    max_connections: 0\n")
	p.write("reference.yaml", out)
	out, err = p.says("config", "-c", "reference.yaml") // the files that it names do not exist
	require.NoError(t, err, "the reference is a configuration: %s", out)
}

func (p *program) schema(t *testing.T) {
	out, err := p.says("schema")
	require.NoError(t, err, out)
	var schema struct {
		Properties struct {
			Ingest struct {
				Properties map[string]struct {
					Description string
					Properties  map[string]map[string]any
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(out), &schema))
	wire := schema.Properties.Ingest.Properties["wire"]
	require.Equal(t, "Access units behind their lengths.", wire.Description)
	require.Equal(t, "welcome", wire.Properties["greeting"]["default"])
	require.Contains(t, wire.Properties, "listen")
}

func (p *program) check(t *testing.T) {
	for _, c := range []struct{ text, says string }{
		{"ingest:\n  wire:\n    greting: hi\n", `c.yaml:3:5: ingest/wire/greting: unknown key "greting", did you mean "greeting"?`},
		{"ingest:\n  wier: {}\n", `c.yaml:2:3: ingest/wier: unknown key "wier", did you mean "wire"?`},
		{"ingest:\n  wire: {greeting: \"\"}\n", "c.yaml:2:20: ingest/wire/greeting: is empty"},
		{"ingest:\n  wire: {greeting: \"\", max_connections: -1}\n", "c.yaml:2:41: ingest/wire/max_connections: -1 is negative"},
		{"ingest:\n  wire:\n    read_timeout: 1ms\n", "c.yaml:3:19: ingest/wire/read_timeout: 1ms is out of range"},
		{"ingest:\n  wire:\n    listen: nowhere\n", `c.yaml:3:13: ingest/wire/listen: "nowhere" is not an address`},
		{"ingest:\n  wire:\n    listen: :9000\n", "c.yaml:3:13: ingest/wire/listen: :9000 can be reached by other machines"},
	} {
		p.write("c.yaml", c.text)
		out, err := p.says("check", "-c", "c.yaml")
		require.Error(t, err, c.text)
		require.Contains(t, strings.ReplaceAll(out, p.dir+"/", ""), c.says)
	}
	p.environment = []string{"SPOOL_INGEST__WIRE__GRETING=hi"}
	defer func() { p.environment = nil }()
	out, err := p.says("check")
	require.Error(t, err)
	require.Contains(t, out, "did you mean SPOOL_INGEST__WIRE__GREETING?")
}

// running is a serving program.
type running struct {
	*program
	t    *testing.T
	book *pipelinetest.Log
	api  string
	wire string
}

const config = `
http: {listen: "127.0.0.1:0"}
ingest:
  auth: {users: [{name: cam, password_hash: "%s", publish: ["live/*"]}]}
  rtsp: {listen: ""}
  srt: {listen: ""}
  webrtc: {listen: ""}
  wire:
    listen: 127.0.0.1:0
    max_connections: 8
pipelines:
  default: {record: always, streams: ["**"], stages: [source, gop_ring, segmenter, mp4, metadata]}
log: {format: json}
`

// until polls a condition, since it depends on HTTP responses and the log of another process.
func (r *running) until(what string, ok func() bool) {
	r.t.Helper()
	require.Eventually(r.t, ok, patience, 20*time.Millisecond, what)
}

// said returns an attribute of the log's first line with a message.
func (r *running) said(msg, attr string) string {
	r.t.Helper()
	var found string
	r.until(msg, func() bool {
		for text := range strings.Lines(r.book.String()) {
			var line map[string]any
			if json.Unmarshal([]byte(text), &line) == nil && line["msg"] == msg {
				found, _ = line[attr].(string)
				return true
			}
		}
		return false
	})
	return found
}

func (r *running) ask(method, path string) string {
	r.t.Helper()
	req, err := http.NewRequest(method, r.api+path, nil)
	require.NoError(r.t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(r.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(r.t, err)
	return string(text)
}

func (r *running) get(path string, into any) {
	r.t.Helper()
	require.NoError(r.t, json.Unmarshal([]byte(r.ask("GET", path)), into))
}

func (p *program) serve(t *testing.T) {
	hash, err := auth.HashPassword("right")
	require.NoError(t, err)
	p.write("config.yaml", fmt.Sprintf(config, hash))
	p.environment = []string{"SPOOL_INGEST__WIRE__GREETING=come in"}
	r := &running{program: p, t: t, book: &pipelinetest.Log{}}
	cmd := p.command()
	cmd.Stderr = r.book
	require.NoError(t, cmd.Start())
	ended := false
	t.Cleanup(func() {
		if !ended {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		if t.Failed() {
			t.Log(r.book.String())
		}
	})
	r.api = r.said("spool is ready", "api")
	where := r.said("spool is ready", "publish_to")
	require.Regexp(t, `^wire://127\.0\.0\.1:\d+/live/NAME$`, where)
	r.wire = strings.TrimSuffix(strings.TrimPrefix(where, "wire://"), "/live/NAME")

	r.readiness()
	r.access()
	r.publication()
	r.reload()

	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait(), "it drains")
	ended = true
	require.NotContains(t, r.book.String(), "DATA RACE")
}

func (r *running) readiness() {
	var ready struct {
		Checks []struct {
			Name string
			OK   bool
		}
	}
	r.get("/readyz", &ready)
	require.Contains(r.t, fmt.Sprint(ready.Checks), "{wire true}")
	require.NotContains(r.t, fmt.Sprint(ready.Checks), "rtsp", "which is off")
}

// sender is a client of the protocol.
type sender struct {
	t  *testing.T
	c  net.Conn
	in *bufio.Reader
}

func (r *running) dial(hello string) (*sender, string) {
	r.t.Helper()
	c, err := net.Dial("tcp", r.wire)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { _ = c.Close() })
	require.NoError(r.t, c.SetDeadline(time.Now().Add(patience)))
	s := &sender{r.t, c, bufio.NewReader(c)}
	_, err = fmt.Fprintln(c, hello)
	require.NoError(r.t, err)
	answer, err := s.in.ReadString('\n')
	require.NoError(r.t, err)
	return s, strings.TrimSpace(answer)
}

func (s *sender) send(b []byte) {
	s.t.Helper()
	_, err := s.c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
	require.NoError(s.t, err)
}

// metric returns the line of the protocol's metric, including its name.
func (r *running) metric(name string) string {
	for line := range strings.Lines(r.ask("GET", "/metrics")) {
		if value, is := strings.CutPrefix(line, "spool_ingest_"+name+`{protocol="wire"} `); is {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func (r *running) access() {
	for _, hello := range []string{"live/a", "live/a cam guess3d", "live/a nobody right", "other/a cam right"} {
		_, answer := r.dial(hello)
		require.Equal(r.t, "no", answer, hello)
	}
	require.Equal(r.t, "4", r.metric("publishers_refused_total"))
	require.Contains(r.t, r.book.String(), "write them into the URL, wire://", "how to send a password")
	require.NotContains(r.t, r.book.String(), "guess3d", "the log shows no password")
}

func (r *running) publication() {
	o := testpattern.Default()
	o.Channels, o.GOP, o.Width, o.Height = 0, 25, 320, 180
	g, err := testpattern.New(o)
	require.NoError(r.t, err)
	s, answer := r.dial("live/a cam right")
	require.Equal(r.t, "come in", answer)
	for _, set := range g.Tracks()[0].ParameterSets {
		s.send(set)
	}
	sent := 0
	for range frames {
		_, au := g.Next()
		require.Len(r.t, au.Payload, 1)
		nal := au.Payload[0]
		if au.Framed {
			nal = nal[4:]
		}
		s.send(bytes.Clone(nal))
		sent += 4 + len(nal)
	}
	var list struct {
		Connections []struct {
			Protocol, Remote, State string
			Stream                  string    `json:"stream_path"`
			Since                   time.Time `json:"since"`
			Bytes                   int
		}
	}
	r.until("all has come", func() bool {
		r.get("/mp4/connections?state=publishing", &list)
		return len(list.Connections) == 1 && list.Connections[0].Bytes > sent
	})
	c := list.Connections[0]
	require.Equal(r.t, []string{"wire", s.c.LocalAddr().String(), "live/a"}, []string{c.Protocol, c.Remote, c.Stream})
	require.False(r.t, c.Since.IsZero())
	r.until("the refused have left", func() bool { return r.metric("connections") == "1" })
	require.NoError(r.t, s.c.Close())

	var records struct {
		Records []struct {
			State    string
			Duration float64
			URL      string
		}
	}
	r.until("it is recorded", func() bool {
		r.get("/mp4/records", &records)
		return len(records.Records) == 1 && records.Records[0].State == "finished"
	})
	require.InDelta(r.t, frames/25., records.Records[0].Duration, 0.001)
	file := r.ask("GET", records.Records[0].URL)
	require.Contains(r.t, file[:16], "ftyp")
	r.until("the connection is gone", func() bool { return r.metric("connections") == "0" })
}

// reload checks that a reload reports the settings of a server as waiting for the next start.
func (r *running) reload() {
	text, err := os.ReadFile(filepath.Join(r.dir, "config.yaml"))
	require.NoError(r.t, err)
	r.write("config.yaml", strings.Replace(string(text), "max_connections: 8", "max_connections: 9", 1))
	var got struct {
		NeedRestart []string `json:"need_restart"`
	}
	require.NoError(r.t, json.Unmarshal([]byte(r.ask("POST", "/mp4/reload")), &got))
	require.Equal(r.t, []string{"ingest/wire/max_connections"}, got.NeedRestart)
}
