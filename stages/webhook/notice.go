package webhook

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
)

// The types of notices.
const (
	started  = "started"
	finished = "finished"
	event    = "event"
)

// spoolPayload is the JSON body of a notice in the format "spool".
type spoolPayload struct {
	Type      string           `json:"type"` // recording.started, recording.finished or event
	Time      string           `json:"time"` // creation of the notice
	Stream    string           `json:"stream"`
	Pipeline  string           `json:"pipeline"`
	Recording payloadRecording `json:"recording"`
	Event     *media.Event     `json:"event,omitempty"`
}

type payloadRecording struct {
	ID        string            `json:"id"`
	File      string            `json:"file"` // path relative to the record directory
	URL       string            `json:"url"`  // path on the API's server
	State     string            `json:"state"`
	Start     string            `json:"start"`
	End       string            `json:"end"`
	Duration  float64           `json:"duration"` // seconds
	Size      int64             `json:"size"`     // bytes
	EndReason string            `json:"end_reason,omitempty"`
	GapCause  string            `json:"gap_cause,omitempty"` // cause of the gap before the file
	Protected bool              `json:"protected"`
	Tracks    []media.TrackInfo `json:"tracks"`
	Events    []media.Event     `json:"events,omitempty"`
	Lost      string            `json:"lost,omitempty"` // media lost at the end of a recovered file
}

// spoolBody returns the body of a notice in the format "spool". what is the type of the notice, now
// the time of its creation, and r its recording. For the type event, e is the event; otherwise e is
// nil.
func spoolBody(what string, now time.Time, r *media.Recording, e *media.Event) ([]byte, error) {
	lost := ""
	if r.State == media.StateRecovered {
		lost = media.LostInCrash
	}
	if what != event {
		what = "recording." + what
	}
	return json.Marshal(spoolPayload{
		Type: what, Time: stamp(now), Stream: r.Stream, Pipeline: r.Pipeline, Event: e,
		Recording: payloadRecording{
			ID: r.ID.String(), File: r.Path, URL: "/mp4/vod/" + escaped(strings.TrimSuffix(r.Path, media.PartSuffix)) + "?id=" + r.ID.String(), State: string(r.State),
			Start: stamp(time.Unix(0, r.StartUTC)), End: stamp(time.Unix(0, r.EndUTC)),
			Duration: time.Duration(r.DurationNS).Seconds(), Size: r.SizeBytes, EndReason: string(r.EndReason),
			GapCause: string(r.Gap.Cause), Protected: r.Protected, Tracks: r.Tracks, Events: r.Events, Lost: lost,
		},
	})
}

// zlmBody returns the body of ZLMediaKit's hook on_record_mp4 for a recording. dir is the absolute
// path of the record directory, because ZLMediaKit sends an absolute file_path.
func zlmBody(dir string, r *media.Recording) ([]byte, error) {
	app, stream, below := strings.Cut(r.Stream, "/")
	if !below {
		app, stream = "", r.Stream
	}
	full := path.Join(dir, r.Path)
	return json.Marshal(map[string]any{
		"mediaServerId": "spool", "vhost": "__defaultVhost__", "app": app, "stream": stream,
		"file_name": path.Base(r.Path), "file_path": full, "folder": path.Dir(full) + "/",
		"file_size": r.SizeBytes, "start_time": r.StartUTC / int64(time.Second), "time_len": time.Duration(r.DurationNS).Seconds(),
		"url": "mp4/vod/" + escaped(r.Path),
	})
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

func escaped(p string) string { return (&url.URL{Path: p}).EscapedPath() }

// Target is a receiver of notices: its URL, and the file or the environment variable that holds the
// secret for signing.
type Target struct{ URL, SecretFile, SecretEnv string }

// Key returns a hash of the target. The outbox stores it on disk in place of the URL, which may
// contain a password or a token.
func (t Target) Key() string {
	sum := sha256.New()
	for _, part := range []string{t.URL, t.SecretFile, t.SecretEnv} {
		fmt.Fprintf(sum, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// ReadTarget returns the target that the settings of stage s declare. ok is false if s is not the
// stage webhook or its settings are invalid.
func ReadTarget(s *pipeline.StageInfo, settings *config.Node) (t Target, ok bool) {
	cfg, ok := s.Defaults.(Config)
	ok = ok && len(settings.Decode(&cfg)) == 0
	return cfg.target(), ok
}

func (c *Config) target() Target { return Target{c.URL.Reveal(), c.SecretFile, c.SecretEnv} }

// Notice is one notification with its target.
type Notice struct {
	Target     Target
	ID         string          // webhook-id: the same in every process that repeats the notice
	CreatedUTC int64           // ns of UTC
	Timeout    config.Duration // of one attempt
	GiveUp     config.Duration // age at which the outbox drops the notice: see Outbox.Put
	Body       json.RawMessage
}

// stored is the JSON of a notice on disk.
type stored struct {
	ID         string          `json:"id"`
	CreatedUTC int64           `json:"created_ns"`
	Target     string          `json:"target"` // key of the target: see Target.Key
	Host       string          `json:"host"`   // host of the target's URL, for the log
	Timeout    config.Duration `json:"timeout"`
	GiveUp     config.Duration `json:"give_up"`
	Body       json.RawMessage `json:"body"`
}

func encode(n *Notice) ([]byte, error) {
	return json.Marshal(stored{n.ID, n.CreatedUTC, n.Target.Key(), hostOf(n.Target.URL), n.Timeout, n.GiveUp, n.Body})
}

// decode parses the text of a notice's file. n.Target is empty; of.Target is the key of the target:
// see Target.Key.
func decode(text []byte) (n Notice, of stored, err error) {
	err = json.Unmarshal(text, &of)
	if err == nil && (of.Target == "" || of.ID == "" || len(of.Body) == 0) {
		err = errors.New("it is not a notice")
	}
	return Notice{ID: of.ID, CreatedUTC: of.CreatedUTC, Timeout: of.Timeout, GiveUp: of.GiveUp, Body: of.Body}, of, err
}
