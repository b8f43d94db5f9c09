package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
)

// Config holds the settings of the stage: the server, and which notices it gets.
type Config struct {
	Use        string          `yaml:"use" declared:"webhooks" reaches:"nothing" doc:"name of a server of declare.webhooks, with its settings: the only kind of server that a pipeline made by API may notify"`
	URL        config.URL      `yaml:"url" reaches:"url" doc:"http or https; each notice is a POST of JSON to it"`
	Notify     []string        `yaml:"notify" oneof:"started finished event" doc:"events to notify: a file was begun, a file is finished, an event was recorded"`
	Format     string          `yaml:"format" oneof:"spool zlmediakit" doc:"body of the notices; zlmediakit: that of its on_record_mp4, for finished files only"`
	SecretFile string          `yaml:"secret_file,omitempty" reaches:"secret_file" public:"a file's name" doc:"file with the secret that notices are signed with (HMAC-SHA256)"`
	SecretEnv  string          `yaml:"secret_env,omitempty" reaches:"environment" public:"a variable's name" doc:"instead: name of the environment variable that holds the secret"`
	Timeout    config.Duration `yaml:"timeout" takes:"nothing" doc:"timeout of one attempt"`
	GiveUp     config.Duration `yaml:"give_up" takes:"nothing" doc:"a notice that could not be delivered for this long is dropped and counted"`
	RecordPath string          `yaml:"record_path" inherit:"mp4.record_path" reaches:"directory" doc:"directory at the begin of zlmediakit's file_path: that of the mp4 stage before"`
}

var defaults = Config{
	Notify: []string{finished, event}, Format: "spool",
	Timeout: config.Duration(10 * time.Second), GiveUp: config.Duration(72 * time.Hour),
}

// Check refuses settings that contradict each other, are out of range, or with which no notice
// could arrive.
func (c Config) Check() (problems config.Problems) {
	u, err := url.Parse(c.URL.Reveal())
	if named := c.Use != "" && c.URL.Reveal() == ""; !named && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		problems = append(problems, config.At("url", "is not a URL that can receive a POST").WithHint("for example https://10.0.0.5/recordings"))
	}
	if len(c.Notify) == 0 {
		problems = append(problems, config.At("notify", "is empty").WithHint("some of started, finished, event"))
	}
	if c.SecretFile != "" && c.SecretEnv != "" {
		problems = append(problems, config.At("secret_env", "is the second secret").WithHint("give secret_file or secret_env"))
	}
	if c.Timeout < config.Duration(100*time.Millisecond) || c.Timeout > config.Duration(10*time.Minute) {
		problems = append(problems, config.At("timeout", "%s is out of range", c.Timeout).WithHint("100ms to 10m"))
	}
	if c.GiveUp < config.Duration(time.Minute) {
		problems = append(problems, config.At("give_up", "%s is too short", c.GiveUp).WithHint("at least 1m"))
	}
	return problems
}

func init() {
	pipeline.RegisterTransform("webhook", defaults,
		"Notifies a server of recordings and events, at least once: from a queue on disk, signed, repeated until the server accepts, also after a restart. Place it between mp4 and metadata.",
		newStage)
}

// stage puts notices of each recording into the outbox and passes the recording on. A failure of
// the outbox does not fail the run.
type stage struct {
	cfg    Config
	outbox *Outbox
	log    *slog.Logger
	clock  pipeline.Clock
	file   media.ID          // the newest recording whose start was notified
	told   map[media.ID]bool // events of this run that were notified: see remember

	unsigned *pipeline.Problem // not nil: the environment has no usable secret, and no notice is sent

	lost     atomic.Uint64 // notices that could not be queued
	unstored atomic.Uint64 // notices that could not be stored and are sent from memory
}

func newStage(set pipeline.Settings, cfg Config) (pipeline.Transform[media.Recording, media.Recording], error) {
	if cfg.URL.Reveal() == "" {
		return nil, fmt.Errorf("declare.webhooks has no server %q", cfg.Use)
	}
	outbox, err := pipeline.Use[*Outbox](set)
	if err != nil {
		return nil, err
	}
	s := &stage{cfg: cfg, outbox: outbox, log: set.Log, clock: set.Clock, told: map[media.ID]bool{}}
	if cfg.SecretEnv != "" {
		target := cfg.target()
		if _, err := secret(&target); err != nil { // permanent: the environment of a process does not change
			s.unsigned = &pipeline.Problem{
				Problem: "webhook_secret", Since: set.Clock.Now(), Cause: fmt.Sprintf("notices are not sent: environment variable %s: %v", cfg.SecretEnv, err),
				Remedy: "restart spool with the secret in that variable, or give secret_file; the notices wait until then",
			}
		}
	}
	return s, nil
}

// Process queues the notices of a recording and passes the recording on. It may wait for the disk,
// but not for the server.
func (s *stage) Process(_ context.Context, r media.Recording, emit pipeline.Emit[media.Recording]) error {
	for _, events := range [][]media.Event{r.Events, r.Beyond} {
		for i := range events {
			if e := &events[i]; !s.told[e.ID] {
				s.remember(e.ID)
				s.tell(event, &r, e)
			}
		}
	}
	switch r.State {
	case media.StateRecording:
		if r.ID != s.file { // the same ID again: an event was added to the file
			s.file = r.ID
			s.tell(started, &r, nil)
		}
	case media.StateFinished, media.StateRecovered:
		s.tell(finished, &r, nil)
	}
	return emit(r)
}

// Flush does nothing: the outbox sends its notices independently of the run.
func (s *stage) Flush(context.Context, pipeline.Emit[media.Recording]) error { return nil }

// remember adds an event to the set of notified events. It empties a full set first, so an event
// may be notified again.
func (s *stage) remember(id media.ID) {
	if len(s.told) >= 4*media.MaxOpenEvents {
		clear(s.told)
	}
	s.told[id] = true
}

func (s *stage) tell(what string, r *media.Recording, e *media.Event) {
	if !slices.Contains(s.cfg.Notify, what) || s.cfg.Format == "zlmediakit" && what != finished {
		return
	}
	now := s.clock.Now()
	body, err := s.body(what, now, r, e)
	if err == nil {
		err = s.outbox.Put(Notice{
			ID: noticeID(what, r, e), CreatedUTC: now.UnixNano(), Target: s.cfg.target(),
			Timeout: s.cfg.Timeout, GiveUp: s.cfg.GiveUp, Body: body,
		})
	}
	if err == nil {
		return
	}
	if errors.Is(err, ErrUnstored) {
		if s.unstored.Add(1) == 1 {
			s.log.Warn("a notice could not be stored and is sent from memory; further ones are not logged", "notice", what, "file", r.Path, "error", err)
		}
		return
	}
	if s.lost.Add(1) == 1 {
		s.log.Error("a notice could not be stored and is lost; further ones are counted", "notice", what, "file", r.Path, "error", err)
	}
}

// noticeID returns the ID of the notice of the type what about the recording r, or about its event
// e if e is not nil. It is the same in every process that repeats the notice.
func noticeID(what string, r *media.Recording, e *media.Event) string {
	if e != nil {
		what += " " + e.ID.String()
	}
	return media.EventID(r.ID.String(), what).String()
}

func (s *stage) body(what string, now time.Time, r *media.Recording, e *media.Event) ([]byte, error) {
	if s.cfg.Format != "zlmediakit" {
		return spoolBody(what, now, r, e)
	}
	dir, err := filepath.Abs(s.cfg.RecordPath)
	if err != nil {
		return nil, err
	}
	return zlmBody(filepath.ToSlash(dir), r)
}

// Report adds warnings about lost notices and waiting ones, and a problem if the environment has no
// usable secret.
func (s *stage) Report(r *pipeline.Report) {
	if s.unsigned != nil {
		r.Problems = append(r.Problems, *s.unsigned)
	}
	if n := s.lost.Load(); n > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d notices could not be stored and are lost: the log says why", n))
	}
	if n, why := s.outbox.Waiting(s.cfg.URL.Reveal()); n > 0 && why != "" {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d notices wait for the webhook's server: %s", n, why))
	}
}
