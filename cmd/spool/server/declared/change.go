package declared

import (
	"context"
	"maps"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/durable"
)

// Declare makes or replaces a pipeline. It is kept before it is used.
func (p *Set) Declare(ctx context.Context, name string, text []byte, dryRun bool) (api.Declared, error) {
	n, err := config.Parse("declaration", text)
	if err != nil {
		return api.Declared{}, refusal(err)
	}
	p.change.Lock()
	defer p.change.Unlock()
	now := p.State()
	if now.unread != nil {
		return api.Declared{}, errUnread(&now)
	}
	if err := p.willKeep(); err != nil {
		return api.Declared{}, err
	}
	if err := now.base.admit(name, now.own); err != nil {
		return api.Declared{}, refusal(err)
	}
	m := now.base.judge(name, n)
	if len(m.problems) > 0 {
		return api.Declared{}, refusal(m.problems)
	}
	own := maps.Clone(now.own)
	own[name] = m
	return p.replace(ctx, name, own, dryRun)
}

// Remove takes back what Declare made. A pipeline of that name that the
// configuration has is there again.
func (p *Set) Remove(ctx context.Context, name string, dryRun bool) (api.Declared, error) {
	p.change.Lock()
	defer p.change.Unlock()
	now := p.State()
	if now.unread != nil {
		return api.Declared{}, errUnread(&now)
	}
	if now.own[name] == nil {
		if _, is := now.All.Pipelines[configs.PipelineName(name)]; is {
			return api.Declared{}, api.Conflict("pipeline %s is of the configuration: take it out there and reload", name)
		}
		return api.Declared{}, errNoPipeline(name)
	}
	own := maps.Clone(now.own)
	delete(own, name)
	was, _ := p.find(&now, name, p.recorder.ByPipeline())
	if now.Refused[name] != nil {
		was = describeRefused(&now, name)
	}
	d, err := p.replace(ctx, name, own, dryRun)
	if err == nil && d.Status == statusRemoved {
		d.Pipeline = was
	}
	return d, err
}

func errNoPipeline(name string) error {
	return api.NotFound("there is no pipeline %.64q: GET /mp4/pipelines lists them", name)
}

// errUnread keeps what the file holds that is not obeyed: a change would take its place.
func errUnread(now *State) error {
	return api.Conflict("the file of the pipelines that were made by request before, .spool-pipelines.yaml, is kept and not run, and a change would take its place: %v; then reload: POST /mp4/reload; or remove the file, and with it those pipelines", told(now.File, now.unread))
}

const statusRemoved = "removed"

// replace goes over to other pipelines made by API, of which one is new, other or
// gone. The caller holds p.change. What was judged of the others holds.
func (p *Set) replace(ctx context.Context, name string, own map[string]*made, dryRun bool) (out api.Declared, err error) {
	now := p.State()
	next := now.base.over(own, nil)
	text, err := keptText(own)
	if err != nil {
		return out, err
	}
	key := configs.PipelineName(name)
	before, was := now.All.Pipelines[key]
	after, is := next.All.Pipelines[key]
	switch {
	case !is:
		out.Status = statusRemoved
	case !was:
		out.Status = "created"
	case before.Same(after):
		out.Status = "unchanged"
	default:
		out.Status = "replaced"
	}
	if !dryRun {
		if err := durable.Replace(p.disk, p.kept, text, 0o600); err != nil {
			return out, err
		}
		out.Restarted = p.apply(ctx, next).Restarted
	}
	out.Pipeline, _ = p.find(&next, name, p.recorder.ByPipeline())
	return out, nil
}
