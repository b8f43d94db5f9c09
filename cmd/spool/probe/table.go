package probe

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// writeTable writes the report as aligned tables for a terminal.
func (r *Report) writeTable(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	row := func(cells ...string) { fmt.Fprintln(w, strings.TrimRight(strings.Join(cells, "\t"), "\t")) }
	row("source", r.Source)
	r.Container.rows(row)
	row("duration", span(r.DurationMS)+", "+rate(r.BitrateBPS))
	if offset := r.AVStartOffsetMS; offset != nil {
		row("sound begins", fmt.Sprintf("%s after the pictures", span(*offset)))
	}
	row()
	row("TRACK", "CODEC", "FORMAT", "LANGUAGE", "START", "DURATION", "UNITS", "BITRATE", "RATE", "UNIT MIN/MEDIAN/MAX", "DEVIATION")
	for i := range r.Tracks {
		row(r.Tracks[i].cells()...)
	}
	for _, l := range r.LeftOut {
		row("left out", l.Reason)
	}
	r.gopRows(row)
	row()
	if len(r.Faults) == 0 {
		row("no faults of times")
	} else {
		row("FAULT", "TRACK", "COUNT", "PLACES")
	}
	for i := range r.Faults {
		row(r.Faults[i].cells()...)
	}
	for _, c := range r.Losses {
		row("lost", "", strconv.FormatUint(c.Count, 10), c.Cause)
	}
	for _, c := range r.Repairs {
		row("corrected", "", strconv.FormatUint(c.Count, 10), c.Cause)
	}
	return w.Flush()
}

// rows writes the facts of the container.
func (c *Container) rows(row func(...string)) {
	format := c.Format
	if c.SizeBytes > 0 {
		format += fmt.Sprintf(", %d bytes", c.SizeBytes)
	}
	if c.Writer != "" {
		format += ", written by " + map[string]string{"spool": "spool", "other": "another program"}[c.Writer]
	}
	row("container", format)
	if c.CutOffBytes > 0 {
		row("cut off", fmt.Sprintf("the last %d bytes are an incomplete fragment", c.CutOffBytes))
	}
	if c.Recording != nil {
		c.Recording.rows(row)
	}
}

func (r *Recording) rows(row func(...string)) {
	state := r.State
	if r.End == "" {
		state += ": the file grows, or a crash left it"
	}
	row("recording", fmt.Sprintf("%s of %s, %s", r.ID, r.Stream, state))
	row("time", fmt.Sprintf("%s to %s", r.Start, cmp.Or(r.End, "?"))+suffix(", ended by ", r.EndReason))
	if g := r.GapBefore; g != nil {
		row("gap before", g.text())
	}
	for i := range r.Gaps {
		row("gap", r.Gaps[i].text())
	}
	for _, e := range r.Events {
		row("event", fmt.Sprintf("%s at %s", cmp.Or(e.Name, e.ID), e.At))
	}
}

func (g *Gap) text() string {
	text := fmt.Sprintf("%s, %s", g.Cause, span(g.DurationMS)) + suffix(" from ", g.Start)
	if g.Track > 0 {
		text += fmt.Sprintf(", track %d", g.Track)
	}
	return text
}

// cells returns the cells of a track.
func (t *Track) cells() []string {
	format, frames := fmt.Sprintf("%dx%d", t.WidthPixels, t.HeightPixels), fmt.Sprintf("%s fps", number(t.FrameRateFPS))
	if t.GOPs == nil && t.SampleRateHz > 0 {
		format, frames = fmt.Sprintf("%d Hz, %d channels", t.SampleRateHz, t.Channels), "-"
		if t.Channels == 1 {
			format = fmt.Sprintf("%d Hz, mono", t.SampleRateHz)
		}
	}
	units, deviation := "-", "-"
	if s := t.AccessUnitMS; s != nil {
		units, deviation = s.text(" ms"), number(s.Deviation)+" ms"
	}
	return []string{
		fmt.Sprintf("%d %s", t.Track, t.Kind), fmt.Sprintf("%s (%s)", t.Codec, t.MIME), format, cmp.Or(t.Language, "-"), span(t.StartMS),
		span(t.DurationMS), strconv.FormatInt(t.AccessUnits, 10), rate(t.BitrateBPS), frames, units, deviation,
	}
}

// gopRows writes the structure of the GOPs of each track of pictures.
func (r *Report) gopRows(row func(...string)) {
	head := false
	for i := range r.Tracks {
		g := r.Tracks[i].GOPs
		if g == nil {
			continue
		}
		if !head {
			head = true
			row()
			row("TRACK", "GOPS", "STRUCTURE", "FRAMES MIN/MEDIAN/MAX", "DURATION MIN/MEDIAN/MAX", "B-FRAMES", "IN A ROW")
		}
		structure := g.Structure
		if g.Structure == "mixed" {
			structure = fmt.Sprintf("%d open", g.Open)
		}
		seconds := Spread{Min: g.LongMS.Min / 1000, Median: g.LongMS.Median / 1000, Max: g.LongMS.Max / 1000}
		row(strconv.Itoa(r.Tracks[i].Track), strconv.FormatInt(g.Count, 10), structure, g.Frames.text(""), seconds.text(" s"),
			strconv.FormatInt(g.BFrames, 10), strconv.FormatInt(g.BFramesInARow, 10))
		if g.BeforeFirstSync > 0 {
			row("", fmt.Sprintf("%d pictures before the first key frame cannot be shown", g.BeforeFirstSync))
		}
	}
}

// cells returns the cells of a fault.
func (f *Fault) cells() []string {
	track := "-"
	if f.Track > 0 {
		track = strconv.Itoa(f.Track)
	}
	var places []string
	for _, p := range f.Places {
		text := "at " + span(p.AtMS)
		if p.DurationMS > 0 {
			text += " for " + span(p.DurationMS)
		}
		places = append(places, text)
	}
	if int64(len(places)) < f.Count && len(places) > 0 {
		places = append(places, "...")
	}
	return []string{string(f.Kind), track, strconv.FormatInt(f.Count, 10), strings.Join(places, "; ")}
}

func (s *Spread) text(unit string) string {
	return number(s.Min) + "/" + number(s.Median) + "/" + number(s.Max) + unit
}

// number formats a number with at most three decimals.
func number(v float64) string { return strconv.FormatFloat(math.Round(v*1000)/1000, 'f', -1, 64) }

// span formats milliseconds as a duration.
func span(ms float64) string {
	return time.Duration(math.Round(ms * float64(time.Millisecond))).Round(10 * time.Microsecond).String()
}

// rate formats bits per second.
func rate(bps float64) string {
	switch {
	case bps >= 1e6:
		return strconv.FormatFloat(bps/1e6, 'f', 2, 64) + " Mbit/s"
	case bps >= 1e3:
		return strconv.FormatFloat(bps/1e3, 'f', 1, 64) + " kbit/s"
	}
	return strconv.FormatFloat(bps, 'f', 0, 64) + " bit/s"
}

// suffix returns text after before, or "" if text is empty.
func suffix(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}
