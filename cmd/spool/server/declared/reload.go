package declared

import (
	"context"
	"maps"
	"reflect"
	"slices"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/stages/hub"
)

// Reload reads the configuration and, if it was not accepted before, the file of the pipelines made by
// API again, and applies the differences: see api.Pipelines. Its warnings include those of the
// configuration, and one for each pipeline made by API that does not run.
func (p *Set) Reload(ctx context.Context) (api.Reloaded, error) {
	out, err := p.reload(ctx)
	if err != nil {
		return out, err
	}
	now := p.State()
	out.Warnings = append(out.Warnings, now.Refusals()...)
	for _, w := range now.File.Warnings {
		out.Warnings = append(out.Warnings, shown(w).String())
	}
	return out, nil
}

// reload is Reload without the warnings of the configuration and of refused pipelines.
func (p *Set) reload(ctx context.Context) (out api.Reloaded, err error) {
	p.change.Lock()
	defer p.change.Unlock()
	before := p.State()
	next, err := p.readAgain(before)
	p.remember(err)
	if err != nil {
		return out, err
	}
	p.logRefused(before.Refused, next)
	out = p.apply(ctx, next)
	if err := p.JudgeDirectory(); err != nil {
		out.Warnings = append(out.Warnings, RestartForgets+": "+told(p.started, err))
	}
	out.NeedRestart = needRestart(p.started, next.File)
	p.mu.Lock()
	p.restart = out.NeedRestart
	p.restartSince = began(p.restartSince, len(p.restart) > 0, p.clock.Now())
	p.mu.Unlock()
	return out, nil
}

// readAgain reads the configuration again, and also the file of the pipelines made by API if it was not
// accepted before. before is the present State. readAgain returns the State of both and applies nothing.
// Its error is config.Problems that a client may see: see refusal.
func (p *Set) readAgain(before State) (next State, err error) {
	file, err := p.load()
	if lost := emptied(before.File, file); lost != nil {
		return next, refusal(lost)
	}
	if err != nil {
		return next, refusal(err)
	}
	if file.MP4.RecordPath != p.started.MP4.RecordPath {
		problem := file.Problem("mp4/record_path", "the directory of recordings cannot change while spool runs")
		return next, refusal(config.Problems{problem.WithHint("restart spool")})
	}
	file.ServeAs(p.started) // egress.enable needs a restart
	kept, unread := before.kept(), before.unread
	if unread != nil { // an operator may have corrected the file
		kept, unread = readKept(p.disk, p.kept)
	}
	next, err = declare(file, kept, unread)
	if err != nil {
		return next, refusal(err)
	}
	return next, nil
}

// apply makes next the present State and changes the hub, the recorder and the schedule to it. It ignores
// the end of ctx, because a client that disconnects must not leave half of a change. If a recording that
// it ends cannot be finished, it logs the error and adds a warning to out. The caller holds p.change.
func (p *Set) apply(ctx context.Context, next State) (out api.Reloaded) {
	ctx = context.WithoutCancel(ctx)
	before := p.State()
	p.mu.Lock()
	p.now = next
	p.mu.Unlock()
	p.logUnmanaged(before.All, next)
	out.Streams = p.configure(before.All, next.All)
	var err error
	out.Pipelines, out.Restarted, err = p.recorder.Update(ctx, next.Pipelines, p.present())
	if err != nil {
		p.log.Error("some recordings that this change ended could not be finished", "error", err)
		out.Warnings = append(out.Warnings, "some recordings that were ended could not be finished: see the log")
	}
	p.watched()
	for _, path := range out.Streams.Removed {
		p.forget(ctx, path, !before.All.Streams[configs.StreamPath(path)].Pull.Empty())
	}
	out.Schedule = !reflect.DeepEqual(before.All.Crontab, next.All.Crontab) || before.All.MP4.Timezone != next.All.MP4.Timezone
	if out.Schedule {
		p.schedule.Set(next.base.agenda)
	}
	return out
}

// forget ends the recordings of a stream that the configuration no longer names. If a client publishes the
// stream, it does not end them: the stream is then recorded like any other. pulled reports that the
// configuration had a pull URL for the stream, so that no client publishes it.
func (p *Set) forget(ctx context.Context, path string, pulled bool) {
	p.hub.Forget(path)
	if !pulled && p.hub.Live(path) {
		return
	}
	if err := p.recorder.Abandon(ctx, path); err != nil {
		p.log.Error("a recording that this change ended could not be finished", "stream", path, "error", err)
	}
}

// StreamConfig converts the settings of a stream to those of the hub.
func StreamConfig(s configs.Stream) hub.StreamConfig {
	var pull string
	urls := s.Pull.Reveal()
	if len(urls) > 0 {
		pull, urls = urls[0], urls[1:]
	}
	return hub.StreamConfig{
		Pull: pull, Fallbacks: urls, Always: s.PullAlways, Transport: s.Transport, Override: s.OverridePublisher,
		Fingerprint: s.TLS.Fingerprint,
		ReadTimeout: s.ReadTimeout.D(), ReconnectGrace: s.ReconnectGrace.D(), WallClock: s.WallClock, G711: s.Audio.G711,
	}
}

// configure passes the new and changed streams of a configuration to the hub, and returns the changes.
// It leaves removed streams in the hub: apply forgets them after the pipelines have changed.
func (p *Set) configure(before, next *configs.Config) (t recorder.Changes) {
	for _, path := range slices.Sorted(maps.Keys(next.Streams)) {
		s := next.Streams[path]
		old, was := before.Streams[path]
		if was && old == s {
			continue
		}
		err := p.hub.Configure(string(path), StreamConfig(s))
		if err != nil { // not expected: Compile has accepted the same URL
			p.log.Error("a stream cannot be configured", "stream", path, "error", err)
			continue
		}
		if was {
			t.Changed = append(t.Changed, string(path))
		} else {
			t.Added = append(t.Added, string(path))
		}
	}
	for _, path := range slices.Sorted(maps.Keys(before.Streams)) {
		if _, is := next.Streams[path]; !is {
			t.Removed = append(t.Removed, string(path))
		}
	}
	return t
}

// present returns the paths of the streams that are live or configured.
func (p *Set) present() (paths []string) {
	for _, path := range p.hub.Paths() {
		if p.hub.Configured(path) || p.hub.Live(path) {
			paths = append(paths, path)
		}
	}
	return paths
}
