package configs

import (
	"github.com/gospool/spool/pipeline/config"
)

// Config is the whole configuration. Load gives one whose every value has been
// checked.
type Config struct {
	MP4       MP4                       `yaml:"mp4" doc:"The defaults of every recording; this block alone is a complete configuration."`
	Streams   map[StreamPath]Stream     `yaml:"streams" doc:"Streams by path, such as live/camera01: segments joined by single slashes; a segment is made of letters and digits of any script, other printing characters beyond ASCII, and of . _ - + , : @ ~ and space; it begins with none of - + , : @ ~ and space, does not end with a space, and is neither . nor .. A stream that somebody publishes need not be named here."`
	Pipelines map[PipelineName]Pipeline `yaml:"pipelines" doc:"How streams are recorded, by name. Without any, the mp4 block makes one called default, for every stream, started by hand."`
	Declare   Declare                   `yaml:"declare,omitempty" doc:"What a pipeline made by request may reach outside the recorder, by PUT /mp4/pipelines/NAME and with the role declare: this, and nothing else. Pipelines of this file may name it, too."`
	Crontab   Crontab                   `yaml:"crontab" doc:"Recordings by the clock."`
	Node      Node                      `yaml:"node" doc:"This recorder among those that share a database."`
	Database  Database                  `yaml:"database" doc:"Where the catalogue of recordings is."`
	HTTP      HTTP                      `yaml:"http" doc:"The API."`
	Ingest    Ingest                    `yaml:"ingest" doc:"The protocols by which streams are published."`
	Retention Retention                 `yaml:"retention" doc:"What is kept when room or time is up, beside mp4.expire_days and mp4.disk_max_percent."`
	Events    Events                    `yaml:"events" doc:"What an event may ask for, and how long it is remembered."`
	Memory    Memory                    `yaml:"memory" doc:"Bounds of what is held in memory."`
	Log       Log                       `yaml:"log" doc:"What is logged, to standard error."`

	FlushInterval   config.Duration `yaml:"flush_interval" doc:"Media is written in pieces of about this length; it is the most that a crash may lose."`
	FlushBytes      config.Size     `yaml:"flush_bytes" doc:"Or in pieces of about this size, where those are shorter."`
	ShutdownTimeout config.Duration `yaml:"shutdown_timeout" doc:"How long files may take to be finished at the end; after three quarters of it they are left as they are, recoverable."`

	// Demo is the stream that is to be recorded at once, because nothing was
	// configured; else it is empty.
	Demo StreamPath `yaml:"-"`
	// File is the configuration file that was read, or empty.
	File string `yaml:"-"`
	// Blank reports that File has nothing in it but white space and comments.
	Blank bool `yaml:"-"`
	// Warnings are about what is configured but has no effect, or may surprise.
	Warnings config.Problems `yaml:"-"`

	tree *config.Node // the merged layers, with the positions
}

// MP4 are the defaults of every recording.
type MP4 struct {
	Enable           bool            `yaml:"enable" doc:"Without pipelines: make the default one."`
	RecordPath       string          `yaml:"record_path" doc:"Directory of the files. It is made where it is missing."`
	Fragment         bool            `yaml:"fragment" doc:"false: ordinary MP4, crash-safe while it grows. true: fMP4."`
	FragmentDuration config.Duration `yaml:"fragment_duration" doc:"Length of a fragment of fMP4, about."`
	MaxFileSize      config.Size     `yaml:"max_file_size" doc:"A file that would be larger is cut at a key frame; 0 is no limit."`
	MaxDuration      config.Duration `yaml:"max_duration" doc:"A file that would be longer is cut at a key frame; 0 is no limit."`
	BeforeDuration   config.Duration `yaml:"before_duration" doc:"What an event records from before its trigger."`
	AfterDuration    config.Duration `yaml:"after_duration" doc:"What an event records after its last trigger."`
	ExpireDays       int             `yaml:"expire_days" doc:"Recordings older than this are deleted, within the hour; 0 is never."`
	DiskMaxPercent   int             `yaml:"disk_max_percent" doc:"The oldest recordings are deleted when the disk is fuller than this, at once; 0 is never."`
	AutoRecovery     bool            `yaml:"auto_recovery" doc:"At start, finish the files that a crash left."`
	FilenamePattern  string          `yaml:"filename_pattern" doc:"Name of a file, from {stream} {stream_path} {date} (20260318) {time} (143025) {timestamp} {ms} {seq} {pipeline}; other forms by strftime: {date:%Y-%m-%d}."`
	Timezone         string          `yaml:"timezone" doc:"Of the date and time in file names, such as Europe/Berlin; empty is the machine's."`
	Sync             string          `yaml:"sync" oneof:"none interval chunk segment" doc:"When what is written is made safe from a power cut; a kill loses nothing of it anyway."`
	SyncInterval     config.Duration `yaml:"sync_interval" doc:"With sync: interval, the most that a power cut may lose."`
	FileMode         string          `yaml:"file_mode" doc:"Mode of the files that are made, whatever the umask is: four octal digits in quotes. Files of before keep theirs; the catalogue, the journal and what begins with .spool- are for spool's user alone."`
	DirMode          string          `yaml:"dir_mode" doc:"Mode of the directories that are made, likewise."`
	Group            string          `yaml:"group" doc:"Name or number of the group that these files and directories are given to, which spool's user is in; empty is as the system makes them."`
}

// Stream is a named stream.
type Stream struct {
	Pull              config.URL `yaml:"pull,omitempty" doc:"URL that the stream is fetched from while somebody needs it; empty: somebody publishes it."`
	Transport         string     `yaml:"transport,omitempty" oneof:"tcp udp" doc:"How RTSP carries the media; empty: tcp, and udp where the source refuses that or sends nothing."`
	OverridePublisher bool       `yaml:"override_publisher,omitempty" doc:"A second publisher takes the path over; else it is refused."`

	ReadTimeout config.Duration `yaml:"read_timeout,omitempty" doc:"In place of ingest.read_timeout, for a source that sends rarely; 0 is as there. A track that is silent for less is no problem."`
	WallClock   string          `yaml:"wall_clock,omitempty" oneof:"sender arrival" doc:"In place of ingest.wall_clock."`

	TLS PullTLS `yaml:"tls,omitempty" doc:"What is trusted, with rtsps; without it what the system trusts."`

	Priority int `yaml:"priority,omitempty" doc:"Where not all can be kept or written, streams of a lower priority lose first; 0 is that of all others."`

	Retention StreamRetention `yaml:"retention,omitempty" doc:"What is kept of this stream."`
}

// PullTLS is what certificate a stream's source may have.
type PullTLS struct {
	Fingerprint string `yaml:"fingerprint" public:"of a certificate, which every client is shown" doc:"SHA-256 of the one certificate that is accepted, whatever its name and age: 64 hexadecimal digits, with colons or without. For cameras, which sign their own; the error of a pull without it says what it is."`
}

// Pipeline is how streams are recorded.
type Pipeline struct {
	Streams []string     `yaml:"streams" doc:"Patterns of stream paths: * within a segment, ** for any number of segments."`
	Record  string       `yaml:"record" oneof:"manual always event" doc:"Who starts a recording: the API, the stream itself, or a trigger."`
	Stages  *config.Node `yaml:"stages" doc:"The stages, each a name with its settings; see spool stages."`
}

// SetDefaults is for every stream, started by hand.
func (p *Pipeline) SetDefaults() { p.Streams, p.Record = []string{"**"}, "manual" }

// Crontab are recordings by the clock.
type Crontab struct {
	Jobs []Job `yaml:"jobs"`
}

// Job is something that happens by the clock.
type Job struct {
	Name     string          `yaml:"name"`
	Cron     string          `yaml:"cron" pattern:"^\\s*(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|@every .+|\\S+(\\s+\\S+){4})\\s*$" doc:"Minute, hour, day of month, month, day of week; or @daily, @every 1h. Where the clock changes, each named time happens once."`
	Action   string          `yaml:"action" oneof:"record_start record_stop event" doc:"record_start begins a window in which the stream is recorded; event triggers a recording from before to after."`
	Stream   string          `yaml:"stream" doc:"One that is not there yet is armed."`
	Duration config.Duration `yaml:"duration,omitempty" doc:"Length of the window, also across a restart; 0 is until record_stop."`
	Timezone string          `yaml:"timezone,omitempty" doc:"Of cron, such as Europe/Berlin; empty is mp4.timezone."`
}

// Node is this recorder among others.
type Node struct {
	Name string `yaml:"name" doc:"Whose recordings are whose; each recorder needs its own, and keeps it: one that another living recorder has is refused at the start. Empty: the identity of the record directory, in its file .spool-directory."`
}

// Database is where the catalogue is.
type Database struct {
	Driver string     `yaml:"driver" oneof:"sqlite mysql postgres"`
	DSN    config.DSN `yaml:"dsn" doc:"File of SQLite, or data source name. Empty, with SQLite: spool.db in the record path. PostgreSQL takes several hosts: postgres://USER@HOST1,HOST2/DATABASE, of which the one that takes writes is used."`
}

// Ingest is how streams come in.
type Ingest struct {
	Auth IngestAuth `yaml:"auth,omitempty" doc:"Who may publish. auth: none in place of it: whoever reaches the address."`

	WallClock   string          `yaml:"wall_clock" oneof:"sender arrival" doc:"Whose clock times follow. sender: the sender's, dated by arrival; a warning says when its rate is wrong. arrival: this machine's in place of one whose rate is wrong."`
	ReadTimeout config.Duration `yaml:"read_timeout" doc:"A source that sends nothing for this long is gone: neither media nor reports nor answers; so is a publisher that does not begin to send this soon after it was let in."`

	Servers config.Blocks `blocks:"ingest"` // of the protocols that are linked in, each under its name
}

// Memory bounds what is held in memory. What is recorded is bounded by each
// pipeline's gop_ring besides.
type Memory struct {
	Max   config.Size `yaml:"max" doc:"What the process may take in all, about; rather than more, whole GOPs are dropped, of the lowest priority first. 0 is no limit but those of each queue."`
	Pool  config.Size `yaml:"pool" doc:"Free memory that is kept for reuse, in all."`
	GOP   config.Size `yaml:"gop" doc:"The newest GOP of a stream, kept so that a recording begins with its key frame."`
	Queue config.Size `yaml:"queue" doc:"Between a stream and each of its recordings; beyond it whole GOPs are dropped."`

	MaxArmed  int `yaml:"max_armed" doc:"Most streams that wait to be recorded although nobody publishes them and the configuration does not name them: those that were started with wait=true, or that an event waits for. One more is refused. 0 is no limit."`
	MaxSeries int `yaml:"max_series" doc:"Most streams that have figures of their own in GET /metrics; those of all others are summed there, as the stream /others. 0 is no limit."`
}

// Log is what is logged.
type Log struct {
	Level  string `yaml:"level" oneof:"debug info warn error"`
	Format string `yaml:"format" oneof:"auto human json" doc:"auto: human on a terminal, else json."`
}
