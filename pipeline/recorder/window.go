package recorder

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"
	"time"
)

// Action names the act that a ScheduleJob performs on its stream each time that its cron expression fires.
type Action string

// The actions of a ScheduleJob: to begin the recording of its stream, to end it, or to trigger an event.
const (
	RecordStart  Action = "record_start"
	RecordStop   Action = "record_stop"
	TriggerEvent Action = "event"
)

// ScheduleJob is one entry of the crontab: an action on a stream at the times of a cron expression. It is not the
// recorder's Job.
type ScheduleJob struct {
	Name     string
	Stream   string
	Action   Action
	Cron     Cron
	Duration time.Duration // length of the window that RecordStart begins; 0 means until the next RecordStop
}

// Window is an interval of time in which the schedule records a stream.
type Window struct {
	Job string // name of the ScheduleJob that begins the window
	// End is zero if the window does not end.
	Start, End time.Time
}

// Agenda is the list of the entries of the crontab. Its methods compute from the given time alone which streams
// should be recorded, without stored state. So a restart, a sleep of the machine or a step of the clock needs no
// treatment of its own.
type Agenda []ScheduleJob

// Streams returns the paths of the streams that have entries, sorted, each once.
func (a Agenda) Streams() []string {
	var paths []string
	for _, j := range a {
		paths = append(paths, j.Stream)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// byStream returns the entries of each stream by its path. The entries of one stream do not affect another stream.
func (a Agenda) byStream() map[string]Agenda {
	of := map[string]Agenda{}
	for _, j := range a {
		of[j.Stream] = append(of[j.Stream], j)
	}
	return of
}

// At returns the window of a stream that is open at the time now. It ignores windows that began at or before
// stopped, the time of a client's stop; zero means no stop. Of several windows it returns the one that ends last.
// ok is false if no window is open.
func (a Agenda) At(stream string, now, stopped time.Time) (w Window, ok bool) {
	for _, j := range a {
		if j.Stream != stream || j.Action != RecordStart {
			continue
		}
		start := j.Cron.Last(now)
		if start.IsZero() || !start.After(stopped) {
			continue
		}
		this := Window{Job: j.Name, Start: start, End: a.end(j, start)}
		if !this.End.IsZero() && !now.Before(this.End) {
			continue
		}
		if !ok || w.outlastedBy(this) {
			w, ok = this, true
		}
	}
	return w, ok
}

func (w Window) outlastedBy(o Window) bool {
	return !w.End.IsZero() && (o.End.IsZero() || o.End.After(w.End))
}

// end returns the end of the window that the entry j begins at start: after j.Duration, or at the next firing
// of an entry of the stream with RecordStop if that is earlier. It is zero if the window does not end.
func (a Agenda) end(j ScheduleJob, start time.Time) (end time.Time) {
	if j.Duration > 0 {
		end = start.Add(j.Duration)
	}
	for _, s := range a {
		if s.Stream == j.Stream && s.Action == RecordStop {
			if t := s.Cron.Next(start); !t.IsZero() && (end.IsZero() || t.Before(end)) {
				end = t
			}
		}
	}
	return end
}

// maxChain bounds the number of windows that Until joins. If more windows follow, Until returns too early a time.
const maxChain = 100

// Until returns the end of the recording to which the window w of a stream belongs: overlapping and adjoining
// windows make one recording. It is zero if the recording does not end.
func (a Agenda) Until(stream string, w Window) time.Time {
	for range maxChain {
		if w.End.IsZero() {
			break
		}
		next, ok := a.At(stream, w.End, time.Time{})
		if !ok {
			break
		}
		w = next
	}
	return w.End
}

// Change returns the first time after now at which At may return another result, and the zero time if no entry
// fires and no window ends after now.
func (a Agenda) Change(now time.Time) (first time.Time) {
	sooner := func(t time.Time) {
		if t.After(now) && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	for _, j := range a {
		sooner(j.Cron.Next(now))
		if j.Action == RecordStart && j.Duration > 0 {
			if start := j.Cron.Last(now); !start.IsZero() {
				sooner(start.Add(j.Duration))
			}
		}
	}
	return first
}

// Firing is one time at which an entry of the crontab acts.
type Firing struct {
	Job ScheduleJob
	At  time.Time
	End time.Time // end of the window that RecordStart begins; zero for another action, and if the window does not end
}

// Upcoming returns the firings after now in order of time, at most n.
func (a Agenda) Upcoming(now time.Time, n int) (out []Firing) {
	var next firings // the next firing of each entry
	for i, j := range a {
		if at := j.Cron.Next(now); !at.IsZero() {
			next = append(next, jobFiring{Firing{Job: j, At: at}, i})
		}
	}
	heap.Init(&next)
	of := a.byStream()
	for len(out) < n && len(next) > 0 {
		f := next[0].Firing
		if next[0].At = f.Job.Cron.Next(f.At); next[0].At.IsZero() {
			heap.Pop(&next)
		} else {
			heap.Fix(&next, 0)
		}
		if f.Job.Action == RecordStart {
			f.End = of[f.Job.Stream].end(f.Job, f.At)
		}
		out = append(out, f)
	}
	return out
}

// jobFiring is a Firing with the index of its entry in the agenda.
type jobFiring struct {
	Firing
	place int
}

// firings implements heap.Interface. The first element is the earliest firing; Upcoming uses it with the next
// firing of each entry of an agenda.
type firings []jobFiring

func (f firings) Len() int      { return len(f) }
func (f firings) Swap(i, k int) { f[i], f[k] = f[k], f[i] }

func (f firings) Less(i, k int) bool {
	return cmp.Or(f[i].At.Compare(f[k].At), strings.Compare(f[i].Job.Stream, f[k].Job.Stream), cmp.Compare(f[i].place, f[k].place)) < 0
}

// Push implements heap.Interface.
func (f *firings) Push(x any) { *f = append(*f, x.(jobFiring)) }

// Pop implements heap.Interface.
func (f *firings) Pop() any {
	last := (*f)[len(*f)-1]
	*f = (*f)[:len(*f)-1]
	return last
}
