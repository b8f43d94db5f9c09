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

// Reload reads the configuration again and does what is other than before. The warnings
// name what is kept and not run, which the log says as well.
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

// reload is Reload without the warnings of the configuration and of what is kept.
func (p *Set) reload(ctx context.Context) (out api.Reloaded, err error) {
	p.change.Lock()
	defer p.change.Unlock()
	before := p.State()
	next, err := p.readAgain(before)
	p.remember(err)
	if err != nil {
		return out, err
	}
	p.sayRefused(before.Refused, next)
	out = p.apply(ctx, next)
	if err := p.JudgeDirectory(); err != nil {
		out.Warnings = append(out.Warnings, WhatIsForgotten+": "+told(p.started, err))
	}
	out.NeedRestart = needRestart(p.started, next.File)
	p.mu.Lock()
	p.restart = out.NeedRestart
	p.mu.Unlock()
	return out, nil
}

// readAgain reads what is declared now, and changes nothing. Its error is a refusal.
func (p *Set) readAgain(before State) (next State, err error) {
	file, err := p.load()
	if lost := emptied(before.File, file); lost != nil {
		return next, refusal(lost)
	}
	if err != nil {
		return next, refusal(err)
	}
	if file.MP4.RecordPath != p.started.MP4.RecordPath {
		problem := file.Problem("mp4/record_path", "the directory of the recordings cannot change while spool runs")
		return next, refusal(config.Problems{problem.WithHint("start spool again")})
	}
	kept, unread := before.kept(), before.unread
	if unread != nil { // perhaps it is mended
		kept, unread = readKept(p.disk, p.kept)
	}
	next, err = declare(file, kept, unread)
	if err != nil {
		return next, refusal(err)
	}
	return next, nil
}

// apply makes the running parts do what is declared next. The caller holds
// p.change. It goes on when whoever asked for it has gone: half a change would be
// worse.
func (p *Set) apply(ctx context.Context, next State) (out api.Reloaded) {
	ctx = context.WithoutCancel(ctx)
	before := p.State()
	p.mu.Lock()
	p.now = next
	p.mu.Unlock()
	p.sayUnmanaged(before.All, next)
	out.Streams = p.configure(before.All, next.All)
	var err error
	out.Pipelines, out.Restarted, err = p.recorder.Update(ctx, next.Pipelines, p.present())
	if err != nil {
		p.log.Error("recordings that a change ended were not all finished", "error", err)
		out.Warnings = append(out.Warnings, "not every recording that was ended is finished: see the log")
	}
	for _, path := range out.Streams.Removed {
		p.forget(ctx, path, !before.All.Streams[configs.StreamPath(path)].Pull.Empty())
	}
	out.Schedule = !reflect.DeepEqual(before.All.Crontab, next.All.Crontab) || before.All.MP4.Timezone != next.All.MP4.Timezone
	if out.Schedule {
		p.schedule.Set(next.base.agenda)
	}
	return out
}

// forget ends what was recorded because the configuration named a stream. One
// that somebody publishes without being fetched is recorded as any other.
func (p *Set) forget(ctx context.Context, path string, pulled bool) {
	p.hub.Forget(path)
	if !pulled && p.hub.Live(path) {
		return
	}
	if err := p.recorder.Abandon(ctx, path); err != nil {
		p.log.Error("a recording that a change ended is not finished", "stream", path, "error", err)
	}
}

// StreamConfig returns what the hub is told of a stream.
func StreamConfig(s configs.Stream) hub.StreamConfig {
	return hub.StreamConfig{
		Pull: s.Pull.Reveal(), Transport: s.Transport, Override: s.OverridePublisher,
		Fingerprint: s.TLS.Fingerprint,
		ReadTimeout: s.ReadTimeout.D(), WallClock: s.WallClock,
	}
}

// configure tells the hub of streams that are new or others. Those that are gone
// are forgotten when the pipelines know it.
func (p *Set) configure(before, next *configs.Config) (t recorder.Changes) {
	for _, path := range slices.Sorted(maps.Keys(next.Streams)) {
		s := next.Streams[path]
		old, was := before.Streams[path]
		if was && old == s {
			continue
		}
		err := p.hub.Configure(string(path), StreamConfig(s))
		if err != nil { // compile has made the same URL's puller
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

// present are the streams that are live or configured.
func (p *Set) present() (paths []string) {
	for _, path := range p.hub.Paths() {
		if p.hub.Configured(path) || p.hub.Live(path) {
			paths = append(paths, path)
		}
	}
	return paths
}
