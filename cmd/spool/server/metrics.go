package server

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/sinks/metadata"
	"github.com/gospool/spool/sinks/mp4"
)

// diskTimes holds histograms of the durations of disk operations, in seconds; it implements mp4.Timings.
type diskTimes struct{ write, sync, finish prometheus.Histogram }

var _ mp4.Timings = (*diskTimes)(nil)

// buckets holds the upper bounds of the histograms' buckets in seconds. They range from a write to the
// page cache to a write to a failing disk.
var buckets = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

func newDiskTimes() *diskTimes {
	times := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: "spool_disk_" + name + "_seconds", Help: help, Buckets: buckets})
	}
	return &diskTimes{
		write:  times("write", "Time to write one chunk to the page cache (write)."),
		sync:   times("sync", "Time to flush written data to the disk (fdatasync)."),
		finish: times("finish", "Time to finish a file: moov, syncs, rename."),
	}
}

// Wrote records the duration of writing a chunk; see mp4.Timings.
func (d *diskTimes) Wrote(took time.Duration) { d.write.Observe(took.Seconds()) }

// Synced records the duration of syncing a file; see mp4.Timings.
func (d *diskTimes) Synced(took time.Duration) { d.sync.Observe(took.Seconds()) }

// Finished records the duration of finishing a file; see mp4.Timings.
func (d *diskTimes) Finished(took time.Duration) { d.finish.Observe(took.Seconds()) }

// storageMetrics is the collector of the metrics of the catalogue, its journal, the record directory's
// disk and the armed streams. At each scrape it calls its functions.
type storageMetrics struct {
	catalogue func() metadata.Stats
	capacity  func() (filesystem.Capacity, bool)       // capacity of the record directory's disk; false if unknown
	obstacles func(context.Context) []pipeline.Problem // see Server.obstacles
	arming    func() recorder.Arming
}

// figure returns the description of a metric without labels; name lacks the prefix spool_.
func figure(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("spool_"+name, help, nil, nil)
}

var (
	catConnected = figure("catalogue_connected", "1 while the database answers.")
	catPending   = figure("catalogue_pending_changes", "Changes in the journal that wait for the database.")
	catBytes     = figure("catalogue_pending_bytes", "Bytes of the changes that wait for the database.")
	catLag       = figure("catalogue_lag_seconds", "Age of the oldest change that waits for the database.")
	catApplied   = figure("catalogue_applied_changes_total", "Changes written to the database.")
	catRefused   = figure("catalogue_refused_changes_total", "Rows that the database refused and that were set aside. Each is logged.")
	catAside     = figure("catalogue_rows_set_aside", "Refused rows that are set aside now: see GET /mp4/health.")
	catTries     = figure("catalogue_failed_attempts", "Failed attempts to reach or write the database since it last worked.")
	catFull      = figure("catalogue_full_changes_total", "Changes dropped because the journal was full: run spool reindex.")
	catInvalid   = figure("catalogue_invalid_changes_total", "Recordings whose values do not fit into a row.")
	catOthers    = figure("catalogue_foreign_changes_total", "Changes skipped because the row belongs to another recorder.")
	catUnwanted  = figure("catalogue_unwanted_locations_total", "Remote copies to delete because their recording was deleted here.")
	jrnBytes     = figure("journal_bytes", "Size of the journal on the disk.")
	jrnErrors    = figure("journal_write_errors_total", "Writes of the journal that failed.")
	jrnDamaged   = figure("journal_damaged_bytes", "Damaged bytes that were found in the journal at the start.")
	diskTotal    = figure("disk_total_bytes", "Size of the filesystem with the record directory.")
	diskFree     = figure("disk_free_bytes", "Free bytes on this filesystem for the recorder.")
	diskInodes   = figure("disk_inodes", "Inodes of this filesystem; 0 if it has no limit.")
	inodesFree   = figure("disk_free_inodes", "Free inodes of this filesystem.")
	armed        = figure("armed_streams", "Streams that wait to be recorded, have no publisher and are not in the configuration.")
	armedMost    = figure("armed_streams_max", "Limit of armed streams (memory.max_armed); 0 means no limit.")
	armedRefused = figure("armed_streams_refused_total", "Starts and events refused, and recordings not awaited after their publisher left, because of memory.max_armed.")
	canWrite     = figure("writable", "1 while recordings can create files in every record directory.")
)

// Describe sends the descriptions of all metrics of storageMetrics; see prometheus.Collector.
func (s *storageMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{catConnected, catPending, catBytes, catLag, catApplied, catRefused, catAside, catTries, catFull,
		catInvalid, catOthers, catUnwanted, jrnBytes, jrnErrors, jrnDamaged, diskTotal, diskFree, diskInodes, inodesFree, canWrite,
		armed, armedMost, armedRefused} {
		ch <- d
	}
}

// Collect sends the values of one scrape; see prometheus.Collector.
func (s *storageMetrics) Collect(ch chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, t prometheus.ValueType, v float64) {
		ch <- prometheus.MustNewConstMetric(d, t, v)
	}
	st := s.catalogue()
	connected := 0.
	if st.Connected {
		connected = 1
	}
	send(catConnected, prometheus.GaugeValue, connected)
	send(catPending, prometheus.GaugeValue, float64(st.Pending))
	send(catBytes, prometheus.GaugeValue, float64(st.PendingBytes))
	send(catLag, prometheus.GaugeValue, st.PendingAge.Seconds())
	send(catApplied, prometheus.CounterValue, float64(st.Applied))
	send(catRefused, prometheus.CounterValue, float64(st.Refused))
	send(catAside, prometheus.GaugeValue, float64(st.Aside))
	send(catTries, prometheus.GaugeValue, float64(st.Tries))
	send(catFull, prometheus.CounterValue, float64(st.Full))
	send(catInvalid, prometheus.CounterValue, float64(st.Invalid))
	send(catOthers, prometheus.CounterValue, float64(st.Others))
	send(catUnwanted, prometheus.CounterValue, float64(st.Unwanted))
	send(jrnBytes, prometheus.GaugeValue, float64(st.JournalBytes))
	send(jrnErrors, prometheus.CounterValue, float64(st.JournalErrors))
	send(jrnDamaged, prometheus.GaugeValue, float64(st.JournalDamagedBytes))
	names := s.arming()
	send(armed, prometheus.GaugeValue, float64(names.Armed))
	send(armedMost, prometheus.GaugeValue, float64(names.Most))
	send(armedRefused, prometheus.CounterValue, float64(names.Refused))
	can := 1.
	if len(s.obstacles(context.Background())) > 0 {
		can = 0
	}
	send(canWrite, prometheus.GaugeValue, can)
	if disk, known := s.capacity(); known {
		send(diskTotal, prometheus.GaugeValue, float64(disk.TotalBytes))
		send(diskFree, prometheus.GaugeValue, float64(disk.FreeBytes))
		send(diskInodes, prometheus.GaugeValue, float64(disk.Inodes))
		send(inodesFree, prometheus.GaugeValue, float64(disk.FreeInodes))
	}
}
