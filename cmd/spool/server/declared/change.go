package declared

import (
	"context"
	"maps"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/durable"
)

// Declare makes or replaces a pipeline made by API: see api.Pipelines. It stores the declaration before
// the pipeline runs.
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

// Remove deletes a pipeline made by API: see api.Pipelines. If the configuration has a pipeline of the
// same name, that one runs again.
func (p *Set) Remove(ctx context.Context, name string, dryRun bool) (api.Declared, error) {
	p.change.Lock()
	defer p.change.Unlock()
	now := p.State()
	if now.unread != nil {
		return api.Declared{}, errUnread(&now)
	}
	if now.own[name] == nil {
		if _, is := now.All.Pipelines[configs.PipelineName(name)]; is {
			return api.Declared{}, api.Conflict("pipeline %s is declared in the configuration: delete it there and reload", name)
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

// errNoPipeline returns the error of an unknown pipeline.
func errNoPipeline(name string) error {
	return api.NotFound("there is no pipeline %.64q: GET /mp4/pipelines lists them", name)
}

// errUnread returns the error of a request to change the pipelines made by API while their file is not
// accepted: the change would overwrite the pipelines in the file.
func errUnread(now *State) error {
	return api.Conflict("the file of the pipelines made by API, .spool-pipelines.yaml, was not accepted, and a change would overwrite it: %v; then reload: POST /mp4/reload; or delete the file, and with it those pipelines", told(now.File, now.unread))
}

const statusRemoved = "removed"

// replace replaces the pipelines made by API by own: it stores the file and applies the change. own differs
// from the present set only in the pipeline name, and is checked already. With dryRun, replace changes nothing
// and returns the result that it would have. The caller holds p.change.
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
