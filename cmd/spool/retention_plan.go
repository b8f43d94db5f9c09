package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/gospool/spool/cmd/spool/server"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/bytesize"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/retained"
)

// RetentionCmd implements spool retention, which prints the next deletions.
type RetentionCmd struct {
	DryRun bool `help:"Print what would be deleted next, and why. Nothing is deleted."`
	JSON   bool `name:"json" help:"As JSON."`
}

// Run prints which files of the record directory would be deleted next. It deletes nothing, because only
// the running recorder can tell which files clients are reading. A recorder may be running.
func (c *RetentionCmd) Run(p *Program) error {
	if !c.DryRun {
		return usageError{errors.New("retention: the running recorder deletes by itself; --dry-run says what it would delete next")}
	}
	cfg, err := p.load()
	if err != nil {
		return err
	}
	plan, err := server.RetentionPlan(context.Background(), cfg, pipeline.SystemClock)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(p.Stdout).Encode(planJSON(plan, cfg))
	}
	showPlan(p.Stdout, plan, cfg)
	return nil
}

// planJSON converts a plan to a JSON object with the field names of GET /mp4/retention. cfg gives the
// values of the settings min_free_bytes.
func planJSON(p *retained.Plan, cfg *configs.Config) map[string]any {
	list := func(evictions []retained.Eviction) []map[string]any {
		out := []map[string]any{}
		for _, e := range evictions {
			out = append(out, map[string]any{"file_path": e.Path, "stream_path": e.Stream, "size": e.SizeBytes, "class": e.Class, "cause": e.Cause})
		}
		return out
	}
	streams := []map[string]any{}
	for _, s := range p.Streams {
		streams = append(streams, map[string]any{
			"stream_path": s.Stream, "files": s.Count.Files, "bytes": s.Count.Bytes, "protected_bytes": s.Protected.Bytes,
			"min_free_bytes": int64(cfg.Streams[configs.StreamPath(s.Stream)].Retention.MinFreeBytes),
			"days":           s.Keeps.Hours() / 24, "bytes_per_day": s.BytesPerDay, "priority": s.Priority,
		})
	}
	out := map[string]any{
		"active": p.Active, "min_free_bytes": int64(cfg.Retention.MinFreeBytes), "disk_bytes": p.DiskBytes, "used_bytes": p.UsedBytes, "high_bytes": p.HighBytes, "low_bytes": p.LowBytes,
		"bytes": p.Bytes, "bytes_per_day": p.BytesPerDay, "now": list(p.Now), "next": list(p.Next), "waiting": list(p.Waiting), "streams": streams,
		"clock": map[string]any{"state": p.Clock.State, "why": p.Clock.Why, "now": p.Clock.Now.UTC()},
	}
	if h := p.Held; h != nil {
		out["held"] = map[string]any{
			"cause": h.Cause, "why": h.Why, "files": h.Count.Files, "bytes": h.Count.Bytes, "oldest": h.Oldest.UTC(), "newest": h.Newest.UTC(),
			"clock": h.Clock.UTC(), "since": h.Since.UTC(),
		}
	}
	if !p.FullAt.IsZero() {
		out["full_at"] = p.FullAt.UTC()
	}
	return out
}

// showPlan prints a plan for people: the use of the disk, how far back the recordings of each stream
// reach, and the files that are deleted next.
func showPlan(w io.Writer, p *retained.Plan, cfg *configs.Config) {
	fmt.Fprintf(w, "disk: %.1f%% of %s used, %s by recordings", 100*float64(p.UsedBytes)/float64(max(p.DiskBytes, 1)), bytesize.Text(p.DiskBytes), bytesize.Text(p.Bytes))
	if p.BytesPerDay > 0 {
		fmt.Fprintf(w, ", which grow by %s a day\n", bytesize.Text(p.BytesPerDay))
	} else {
		fmt.Fprintln(w, "; how fast they grow is not known yet: that takes an hour of recordings in the last day")
	}
	switch {
	case !p.Active:
		fmt.Fprintln(w, "no limit is configured: nothing is ever deleted (mp4.expire_days, mp4.disk_max_percent, retention)")
	case p.HighBytes > 0:
		fmt.Fprintf(w, "room is made from %s on, down to %s\n", bytesize.Text(p.HighBytes), bytesize.Text(p.LowBytes))
	}
	showMinFree(w, p, "", cfg.Retention.MinFreeBytes)
	for _, path := range slices.Sorted(maps.Keys(cfg.Streams)) {
		showMinFree(w, p, string(path), cfg.Streams[path].Retention.MinFreeBytes)
	}
	if !p.FullAt.IsZero() {
		fmt.Fprintf(w, "at this rate that much is used by %s, in %s\n", p.FullAt.Local().Format(time.DateTime), p.FullAt.Sub(p.At).Round(time.Minute))
	}
	showHeld(w, p)
	streams := planTable(w, table.Row{"stream", "files", "bytes", "protected", "days kept", "bytes/day", "priority"})
	for _, s := range p.Streams {
		streams.AppendRow(table.Row{s.Stream, s.Count.Files, bytesize.Text(s.Count.Bytes), bytesize.Text(s.Protected.Bytes),
			fmt.Sprintf("%.1f", s.Keeps.Hours()/24), rate(s.BytesPerDay), s.Priority})
	}
	streams.Render()
	next := planTable(w, table.Row{"next to go", "class", "why", "recorded", "bytes"})
	shown := map[string]bool{}
	for i, list := range [][]retained.Eviction{p.Now, p.Waiting, p.Next} {
		for _, e := range list {
			if shown[e.Path] { // a waiting file is also in p.Now or p.Next if space is needed
				continue
			}
			if shown[e.Path] = true; i == 1 {
				e.Cause += ", waits"
			}
			next.AppendRow(table.Row{e.Path, e.Class, e.Cause, time.Unix(0, e.StartUTC).Format(time.DateTime), bytesize.Text(e.SizeBytes)})
		}
	}
	next.Render()
	for _, k := range p.Kept {
		fmt.Fprintf(w, "never deleted: %s, %s (%s)\n", count(k.Count.Files, "file"), bytesize.Text(k.Count.Bytes), k.Reason)
	}
}

// showMinFree prints the setting min_free_bytes of a stream, or with an empty stream that of all
// recordings, and the free space. It prints nothing if the setting is 0.
func showMinFree(w io.Writer, p *retained.Plan, stream string, minFree config.Size) {
	if minFree == 0 {
		return
	}
	fmt.Fprint(w, "min_free_bytes")
	if stream != "" {
		fmt.Fprintf(w, " of %s", stream)
	}
	fmt.Fprintf(w, ": %s, and %s are free", bytesize.Text(int64(minFree)), bytesize.Text(p.DiskBytes-p.UsedBytes))
	if int64(minFree) >= p.DiskBytes {
		fmt.Fprint(w, "; the disk is smaller, so nothing is deleted for this limit: lower it")
	}
	fmt.Fprintln(w)
}

// showHeld prints why no file expires now, if the clock is not believed (see package wallclock), and the
// number and size of the files that have expired but are not deleted yet, p.Held. A running recorder may
// believe the clock although this command does not.
func showHeld(w io.Writer, p *retained.Plan) {
	if !p.Clock.Believed() {
		fmt.Fprintf(w, "nothing expires yet: %s; the running recorder may have proof of the clock: GET /mp4/retention\n", p.Clock.Why)
	}
	h := p.Held
	if h == nil {
		return
	}
	fmt.Fprintf(w, "%s, %s, that ended from %s to %s have expired by the clock, which says %s\n", count(h.Count.Files, "file"), bytesize.Text(h.Count.Bytes),
		h.Oldest.Local().Format(time.DateTime), h.Newest.Local().Format(time.DateTime), h.Clock.Local().Format(time.DateTime))
	if h.Cause == retained.HeldAsMass {
		fmt.Fprintln(w, "that is a mass expiry: they wait for a second look, or for POST /mp4/retention/confirm (retention.mass_expiry)")
	}
}

// planTable returns a table with a header that prints to w.
func planTable(w io.Writer, head table.Row) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.AppendHeader(head)
	return t
}

// rate formats a number of bytes per day. It returns a dash for 0, which means unknown.
func rate(bytes int64) string {
	if bytes == 0 {
		return "-"
	}
	return bytesize.Text(bytes)
}
