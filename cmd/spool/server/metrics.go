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
	"github.com/gospool/spool/stages/ingest"
)

// diskTimes is how long the disk takes, as histograms; mp4 tells it.
type diskTimes struct{ write, sync, finish prometheus.Histogram }

var _ mp4.Timings = (*diskTimes)(nil)

// buckets run from what a page cache takes to what a dying disk does.
var buckets = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

func newDiskTimes() *diskTimes {
	times := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: "spool_disk_" + name + "_seconds", Help: help, Buckets: buckets})
	}
	return &diskTimes{
		write:  times("write", "Time to hand one chunk to the system."),
		sync:   times("sync", "Time until what was written is on the disk (fdatasync)."),
		finish: times("finish", "Time to finish a file: moov, syncs, rename."),
	}
}

// Wrote counts a chunk. See mp4.Timings.
func (d *diskTimes) Wrote(took time.Duration) { d.write.Observe(took.Seconds()) }

// Synced counts a sync.
func (d *diskTimes) Synced(took time.Duration) { d.sync.Observe(took.Seconds()) }

// Finished counts a file.
func (d *diskTimes) Finished(took time.Duration) { d.finish.Observe(took.Seconds()) }

// stores are the figures of what stands behind a recording: the catalogue with
// its journal, and the disk. They are read when they are asked for.
type stores struct {
	catalogue func() metadata.Stats
	capacity  func() (filesystem.Capacity, bool) // of the disk with the record directory, when it could be asked
	obstacles func(context.Context) []pipeline.Problem
	arming    func() recorder.Arming
}

func figure(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("spool_"+name, help, nil, nil)
}

var (
	catConnected = figure("catalogue_connected", "1 while the database answers.")
	catPending   = figure("catalogue_pending_changes", "Changes in the journal that wait for the database.")
	catBytes     = figure("catalogue_pending_bytes", "Bytes of them.")
	catLag       = figure("catalogue_lag_seconds", "Age of the oldest of them: how far the database is behind.")
	catApplied   = figure("catalogue_applied_changes_total", "Changes that the database took.")
	catRefused   = figure("catalogue_refused_changes_total", "Rows that the database refused and that were set aside; each was logged.")
	catAside     = figure("catalogue_rows_set_aside", "Rows that the database refuses: see GET /mp4/health.")
	catTries     = figure("catalogue_failed_attempts", "Attempts to reach the database or to write to it that failed since it last worked.")
	catFull      = figure("catalogue_full_changes_total", "Changes dropped because the journal was full: reindex.")
	catInvalid   = figure("catalogue_invalid_changes_total", "Recordings that no row can hold.")
	catOthers    = figure("catalogue_foreign_changes_total", "Changes left out because the row is another recorder's.")
	catUnwanted  = figure("catalogue_unwanted_locations_total", "Places elsewhere that are to delete what they have, since its recording was deleted here.")
	jrnBytes     = figure("journal_bytes", "Size of the journal on the disk.")
	jrnErrors    = figure("journal_write_errors_total", "Writes of the journal that failed.")
	jrnDamaged   = figure("journal_damaged_bytes", "Bytes found damaged at the start.")
	diskTotal    = figure("disk_total_bytes", "Size of the filesystem with the record directory.")
	diskFree     = figure("disk_free_bytes", "Bytes of it that the recorder may still write.")
	diskInodes   = figure("disk_inodes", "Files that it can hold; 0 where it does not bound them.")
	inodesFree   = figure("disk_free_inodes", "Files that may still be made on it.")
	armed        = figure("armed_streams", "Streams that wait to be recorded although nobody publishes them and the configuration does not name them.")
	armedMost    = figure("armed_streams_max", "How many may be, memory.max_armed; 0 is no limit.")
	armedRefused = figure("armed_streams_refused_total", "Starts and events refused, and recordings ended with their publisher, because as many were armed.")
	canWrite     = figure("writable", "1 while a recording could begin a file in each record directory.")
)

// Describe sends the descriptions; see prometheus.Collector.
func (s *stores) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{catConnected, catPending, catBytes, catLag, catApplied, catRefused, catAside, catTries, catFull,
		catInvalid, catOthers, catUnwanted, jrnBytes, jrnErrors, jrnDamaged, diskTotal, diskFree, diskInodes, inodesFree, canWrite,
		armed, armedMost, armedRefused} {
		ch <- d
	}
}

// Collect sends the figures of one scrape; see prometheus.Collector.
func (s *stores) Collect(ch chan<- prometheus.Metric) {
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
	send(jrnDamaged, prometheus.GaugeValue, float64(st.JournalDamaged))
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
		send(diskTotal, prometheus.GaugeValue, float64(disk.Total))
		send(diskFree, prometheus.GaugeValue, float64(disk.Free))
		send(diskInodes, prometheus.GaugeValue, float64(disk.Inodes))
		send(inodesFree, prometheus.GaugeValue, float64(disk.FreeInodes))
	}
}

// serverCounts are how the servers of ingest fare, each by its protocol.
type serverCounts struct{ servers *ingest.Servers }

func ofServer(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("spool_ingest_"+name, help, []string{"protocol"}, nil)
}

var (
	openConnections    = ofServer("connections", "Connections of a server that are open.")
	refusedConnections = ofServer("connections_refused_total", "Connections refused because max_connections were open, and all of them recorded.")
	givenUpConnections = ofServer("connections_given_up_total", "Connections that did not record, closed to make room for a new one.")
	refusedPublishers  = ofServer("publishers_refused_total", "Publishers refused, for their password, path, session description or codecs; each was logged, sixty a minute at most.")
)

// Describe sends the descriptions; see prometheus.Collector.
func (c serverCounts) Describe(ch chan<- *prometheus.Desc) {
	ch <- openConnections
	ch <- refusedConnections
	ch <- givenUpConnections
	ch <- refusedPublishers
}

// Collect sends the figures of each server; see prometheus.Collector.
func (c serverCounts) Collect(ch chan<- prometheus.Metric) {
	for _, server := range c.servers.All() {
		n := server.Counts()
		ch <- prometheus.MustNewConstMetric(openConnections, prometheus.GaugeValue, float64(n.Connections), server.Name)
		ch <- prometheus.MustNewConstMetric(refusedConnections, prometheus.CounterValue, float64(n.Refused), server.Name)
		ch <- prometheus.MustNewConstMetric(givenUpConnections, prometheus.CounterValue, float64(n.GivenUp), server.Name)
		ch <- prometheus.MustNewConstMetric(refusedPublishers, prometheus.CounterValue, float64(n.Publishers), server.Name)
	}
}
