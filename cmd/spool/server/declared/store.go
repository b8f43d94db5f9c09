package main

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/recorder"
)

// keptFile holds the pipelines that were made by API, as a configuration has
// them under pipelines. It is in the record directory, which is what a recorder
// keeps across a restart.
func keptFile(recordPath string) string { return filepath.Join(recordPath, ".spool-pipelines.yaml") }

// readKept reads what was made by API; a file that is not there is nothing.
func readKept(disk durable.FS, file string) (map[string]*config.Node, error) {
	own := map[string]*config.Node{}
	text, err := disk.Read(file)
	if errors.Is(err, fs.ErrNotExist) {
		return own, nil
	}
	if err != nil {
		return nil, err
	}
	n, err := config.Parse(file, text)
	if err != nil {
		return nil, err
	}
	for _, e := range n.Entries {
		own[e.Key] = e.Value
	}
	return own, nil
}

const keptHead = "# Pipelines that were made by API. Change them there: PUT /mp4/pipelines/NAME.\n"

// writeKept replaces the file as a whole. A declaration may hold a secret, so nobody
// else may read it.
func writeKept(disk durable.FS, file string, own map[string]*config.Node) error {
	root := &config.Node{IsMap: true}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		root.Entries = append(root.Entries, config.Entry{Key: name, Value: own[name]})
	}
	text := append([]byte(keptHead), root.YAML(config.Style{})...)
	if _, err := config.Parse(file, text); err != nil { // the next start would refuse it
		return api.Conflict("the pipelines that were made by API are too many, or too large (%v): delete one that is not needed", err)
	}
	return durable.Replace(disk, file, text, 0o600)
}

// Declare makes or replaces a pipeline. It is kept before it is used.
func (p *plans) Declare(ctx context.Context, name string, text []byte, dryRun bool) (api.Declared, error) {
	n, err := config.Parse("declaration", text)
	if err != nil {
		return api.Declared{}, refusal(err)
	}
	p.change.Lock()
	defer p.change.Unlock()
	own := maps.Clone(p.state().own)
	own[name] = n
	return p.replace(ctx, name, own, dryRun)
}

// Remove takes back what Declare made. A pipeline of that name that the
// configuration has is there again.
func (p *plans) Remove(ctx context.Context, name string, dryRun bool) (api.Declared, error) {
	p.change.Lock()
	defer p.change.Unlock()
	now := p.state()
	if now.own[name] == nil {
		if _, is := now.all.Pipelines[configs.PipelineName(name)]; is {
			return api.Declared{}, api.Conflict("pipeline %s is of the configuration: take it out there and reload", name)
		}
		return api.Declared{}, errNoPipeline(name)
	}
	own := maps.Clone(now.own)
	delete(own, name)
	was, _ := p.find(now, name)
	d, err := p.replace(ctx, name, own, dryRun)
	if err == nil && d.Status == statusRemoved {
		d.Pipeline = was
	}
	return d, err
}

func errNoPipeline(name string) error {
	return api.NotFound("there is no pipeline %.64q: GET /mp4/pipelines lists them", name)
}

const statusRemoved = "removed"

// replace goes over to other pipelines made by API, of which one is new, other or
// gone. The caller holds p.change.
func (p *plans) replace(ctx context.Context, name string, own map[string]*config.Node, dryRun bool) (out api.Declared, err error) {
	now := p.state()
	next, err := declareAll(now.file, own)
	if err != nil {
		return out, refusal(err)
	}
	key := configs.PipelineName(name)
	before, was := now.all.Pipelines[key]
	after, is := next.all.Pipelines[key]
	switch {
	case !is:
		out.Status = statusRemoved
	case !was:
		out.Status = "created"
	case string(before.Shown()) == string(after.Shown()):
		out.Status = "unchanged"
	default:
		out.Status = "replaced"
	}
	if !dryRun {
		if err := writeKept(p.disk, p.kept, own); err != nil {
			return out, err
		}
		out.Restarted = p.apply(ctx, next).Restarted
	}
	out.Pipeline, _ = p.find(next, name)
	return out, nil
}

// List describes the pipelines.
func (p *plans) List() []api.Pipeline {
	now := p.state()
	out := make([]api.Pipeline, 0, len(now.declared))
	for i := range now.declared {
		out = append(out, p.describe(now, &now.declared[i]))
	}
	return out
}

func (p *plans) find(in declaration, name string) (api.Pipeline, bool) {
	for i := range in.declared {
		if in.declared[i].Plan.Name == name {
			return p.describe(in, &in.declared[i]), true
		}
	}
	return api.Pipeline{}, false
}

func (p *plans) describe(in declaration, d *recorder.Declared) api.Pipeline {
	name := d.Plan.Name
	written := in.all.Pipelines[configs.PipelineName(name)]
	out := api.Pipeline{
		Name: name, Origin: "file", Record: string(d.Mode), Streams: written.Streams,
		Stages: strings.Split(d.Plan.String(), " -> "), Declaration: string(written.Shown()), Held: p.recorder.Held(name),
	}
	switch {
	case in.own[name] != nil:
		out.Origin = "api"
	case !in.file.Writes(config.Join("pipelines", name)):
		out.Origin = "mp4"
	}
	for _, j := range p.recorder.Jobs() {
		if j.Pipeline == name {
			out.Recording = append(out.Recording, j.Stream)
		}
	}
	return out
}

// Start lets a pipeline record and begins it for every stream that is there.
func (p *plans) Start(_ context.Context, name string) (int, error) {
	if _, is := p.find(p.state(), name); !is {
		return 0, errNoPipeline(name)
	}
	return p.recorder.Resume(name, p.present()), nil
}

// Stop ends a pipeline's recordings and holds it.
func (p *plans) Stop(ctx context.Context, name string, drain bool) (int, error) {
	if _, is := p.find(p.state(), name); !is {
		return 0, errNoPipeline(name)
	}
	return p.recorder.Hold(ctx, name, recorder.HoldOptions{Drain: drain})
}
