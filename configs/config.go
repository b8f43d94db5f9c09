package configs

import (
	"github.com/gospool/spool/pipeline/config"
)

// Config is the whole configuration. The values in a Config that Load returns are valid.
type Config struct {
	MP4       MP4                       `yaml:"mp4" doc:"The defaults of every recording; this block alone is a complete configuration."`
	Streams   map[StreamPath]Stream     `yaml:"streams" doc:"Streams by path, such as live/camera01: segments joined by single slashes; a segment is made of letters and digits of any script, other printing characters beyond ASCII, and of . _ - + , : @ ~ and space; it begins with none of - + , : @ ~ and space, does not end with a space, and is neither . nor .. A published stream need not be named here."`
	Pipelines map[PipelineName]Pipeline `yaml:"pipelines" doc:"How streams are recorded and watched, by name. Without one that records, the mp4 block makes the pipeline default, for every stream, started by hand. Without one that is watched, the egress block makes the pipeline default-live, for every stream."`
	Declare   Declare                   `yaml:"declare,omitempty" doc:"Everything outside the recorder that a pipeline made by API may reach (PUT /mp4/pipelines/NAME, with the role declare). Pipelines of this file may use it, too."`
	Crontab   Crontab                   `yaml:"crontab" doc:"Scheduled recordings."`
	Node      Node                      `yaml:"node" doc:"Identity of this recorder among recorders that share a database."`
	Database  Database                  `yaml:"database" doc:"Location of the catalogue of recordings."`
	HTTP      HTTP                      `yaml:"http" doc:"The API."`
	Ingest    Ingest                    `yaml:"ingest" doc:"The servers that streams are published to."`
	Egress    Egress                    `yaml:"egress" doc:"Clients that watch streams while they come in."`
	Retention Retention                 `yaml:"retention" doc:"When recordings are deleted, beside mp4.expire_days and mp4.disk_max_percent."`
	Events    Events                    `yaml:"events" doc:"Limits of events, and how long they are listed."`
	Exports   Exports                   `yaml:"exports" doc:"Limits of exports (POST /mp4/export), and how long they are kept."`
	Memory    Memory                    `yaml:"memory" doc:"Limits of memory."`
	Log       Log                       `yaml:"log" doc:"The log, on standard error."`

	FlushInterval   config.Duration `yaml:"flush_interval" doc:"Media is written in chunks of about this duration, the most that a crash may lose."`
	FlushBytes      config.Size     `yaml:"flush_bytes" doc:"Or in chunks of about this size, when they are shorter."`
	ShutdownTimeout config.Duration `yaml:"shutdown_timeout" doc:"Time to finish the files at the end. After three quarters of it the rest is left unfinished, and recovered at the next start."`

	// Demo is the path of the demo stream, which is recorded at once if nothing is configured; otherwise empty.
	Demo StreamPath `yaml:"-"`
	// File is the name of the configuration file that was read; empty without a file.
	File string `yaml:"-"`
	// Blank reports that File contains only white space and comments.
	Blank bool `yaml:"-"`
	// Warnings lists valid settings that have no effect, or an unexpected one.
	Warnings config.Problems `yaml:"-"`

	tree *config.Node // the merged layers, with positions
}

// MP4 holds the defaults of all recordings.
type MP4 struct {
	Enable           bool            `yaml:"enable" doc:"Without pipelines: make the default one."`
	RecordPath       string          `yaml:"record_path" doc:"Directory of the files. It is created if missing."`
	Fragment         bool            `yaml:"fragment" doc:"false: ordinary MP4, crash-safe while it grows. true: fMP4."`
	FragmentDuration config.Duration `yaml:"fragment_duration" doc:"Approximate duration of a fragment of fMP4."`
	MaxFileSize      config.Size     `yaml:"max_file_size" doc:"A file that would be larger is cut at a key frame; 0 is no limit."`
	MaxDuration      config.Duration `yaml:"max_duration" doc:"A file that would be longer is cut at a key frame; 0 is no limit."`
	BeforeDuration   config.Duration `yaml:"before_duration" doc:"Media that an event records from before its trigger."`
	AfterDuration    config.Duration `yaml:"after_duration" doc:"Media that an event records after its last trigger."`
	ExpireDays       int             `yaml:"expire_days" doc:"Recordings older than this are deleted, within the hour; 0 is never."`
	DiskMaxPercent   int             `yaml:"disk_max_percent" doc:"The oldest recordings are deleted when the disk is fuller than this, at once; 0 is never."`
	AutoRecovery     bool            `yaml:"auto_recovery" doc:"At start, finish the files that a crash left."`
	FilenamePattern  string          `yaml:"filename_pattern" doc:"Name of a file, from {stream} {stream_path} {date} (20260318) {time} (143025) {timestamp} {ms} {seq} {pipeline}; other forms by strftime: {date:%Y-%m-%d}."`
	Timezone         string          `yaml:"timezone" doc:"Of the date and time in file names, such as Europe/Berlin; empty is the machine's."`
	Sync             string          `yaml:"sync" oneof:"none interval chunk segment" doc:"When written media is synced to survive a power cut. It survives a kill of the process in any case."`
	SyncInterval     config.Duration `yaml:"sync_interval" doc:"With sync: interval, the most media that a power cut may lose."`
	FileMode         string          `yaml:"file_mode" doc:"Mode of new files, regardless of the umask: four octal digits in quotes. Existing files keep theirs. Only spool's user can read the catalogue, the journal and files whose names begin with .spool-."`
	DirMode          string          `yaml:"dir_mode" doc:"Mode of new directories, likewise."`
	Group            string          `yaml:"group" doc:"Name or number of the group of new files and directories; spool's user must be a member. Empty is the system's choice."`
}

// Stream holds the settings of one stream.
type Stream struct {
	Pull              config.URLs `yaml:"pull,omitempty" doc:"URL that the stream is pulled from while it has a subscriber, or a list of URLs: one after another is tried until one works, and the first ones again once a minute. Empty: a client publishes the stream."`
	PullAlways        bool        `yaml:"pull_always,omitempty" doc:"true: the stream is pulled all the time, not only while it has a subscriber."`
	Transport         string      `yaml:"transport,omitempty" oneof:"tcp udp" doc:"Transport of the media in RTSP; empty: tcp, and udp if the source refuses tcp or sends nothing."`
	OverridePublisher bool        `yaml:"override_publisher,omitempty" doc:"true: a second publisher replaces the first one. false: it is refused."`

	ReadTimeout    config.Duration `yaml:"read_timeout,omitempty" doc:"Replaces ingest.read_timeout for a source that sends rarely; 0 takes ingest.read_timeout. A shorter silence of a track is not a problem."`
	ReconnectGrace config.Duration `yaml:"reconnect_grace,omitempty" doc:"Replaces ingest.reconnect_grace; 0 takes ingest.reconnect_grace."`
	WallClock      string          `yaml:"wall_clock,omitempty" oneof:"auto sender arrival" doc:"Replaces ingest.wall_clock."`
	Audio          StreamAudio     `yaml:"audio,omitempty" doc:"How sound is recorded."`

	TLS PullTLS `yaml:"tls,omitempty" doc:"Certificate to trust, with a URL whose connection is encrypted; without it the system's roots decide."`

	Priority int `yaml:"priority,omitempty" doc:"Under overload or on a full disk, streams of a lower priority lose media first. The default is 0."`

	Retention StreamRetention `yaml:"retention,omitempty" doc:"When recordings of this stream are deleted."`
}

// StreamAudio holds the settings of a stream that replace those of Audio.
type StreamAudio struct {
	G711 string `yaml:"g711,omitempty" oneof:"lpcm keep" doc:"Replaces ingest.audio.g711, from the next publisher on; a running pull connects again."`
}

// PullTLS selects which certificate spool accepts from the source of a pulled stream.
type PullTLS struct {
	Fingerprint string `yaml:"fingerprint" public:"of a certificate, which every client is shown" doc:"SHA-256 of the only accepted certificate, regardless of its name and validity: 64 hexadecimal digits, with or without colons. For cameras with self-signed certificates; the error of a pull without it contains the fingerprint."`
}

// Pipeline declares which streams a pipeline records or serves to clients, when, and how.
type Pipeline struct {
	Streams []string     `yaml:"streams" doc:"Patterns of stream paths: * within a segment, ** for any number of segments."`
	Record  string       `yaml:"record" oneof:"manual always event watched" doc:"What starts a recording: manual: the API; always: the stream itself; event: a trigger. watched: nothing is recorded, and the stage live serves the clients that watch; the default with this stage."`
	Stages  *config.Node `yaml:"stages" doc:"The stages, each a name with its settings; see spool stages."`
}

// SetDefaults makes the pipeline cover each stream and start by request only.
func (p *Pipeline) SetDefaults() { p.Streams, p.Record = []string{"**"}, "manual" }

// Crontab lists the jobs of the schedule.
type Crontab struct {
	Jobs []Job `yaml:"jobs"`
}

// Job is an entry of crontab: one action on one stream at the times of a cron expression. It is not a job of
// the recorder, which keeps a pipeline running.
type Job struct {
	Name     string          `yaml:"name"`
	Cron     string          `yaml:"cron" pattern:"^\\s*(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|@every .+|\\S+(\\s+\\S+){4})\\s*$" doc:"Minute, hour, day of month, month, day of week; or @daily, @every 1h. At a change of the clock, each named time happens once."`
	Action   string          `yaml:"action" oneof:"record_start record_stop event" doc:"record_start begins a window in which the stream is recorded; event triggers a recording from before to after."`
	Stream   string          `yaml:"stream" doc:"A stream that is not live yet is armed."`
	Duration config.Duration `yaml:"duration,omitempty" doc:"Duration of the window, also across a restart; 0 is until record_stop."`
	Timezone string          `yaml:"timezone,omitempty" doc:"Of cron, such as Europe/Berlin; empty is mp4.timezone."`
}

// Node names this recorder.
type Node struct {
	Name string `yaml:"name" doc:"Name of the recorder that owns a recording. Each recorder needs its own and must keep it: a name that another running recorder has is refused at the start. Empty: the identity of the record directory, in its file .spool-directory."`
}

// Database locates the database of the catalogue.
type Database struct {
	Driver string     `yaml:"driver" oneof:"sqlite mysql postgres"`
	DSN    config.DSN `yaml:"dsn" doc:"File of SQLite, or data source name. Empty, with SQLite: spool.db in the record path. PostgreSQL takes several hosts: postgres://USER@HOST1,HOST2/DATABASE, and uses the host that accepts writes."`
}

// Ingest holds the settings of the servers to which streams are published.
type Ingest struct {
	Auth IngestAuth `yaml:"auth,omitempty" doc:"Users that may publish. auth: none instead: every client that reaches the address."`

	WallClock   string          `yaml:"wall_clock" oneof:"auto sender arrival" doc:"Clock of the recorded times. auto: the sender's clock, dated by arrival; a warning reports a wrong rate. sender: the sender's clock, dated by the UTC of its RTCP reports if that is within a minute of this machine's clock. arrival: this machine's clock replaces a sender's clock with a wrong rate."`
	ReadTimeout config.Duration `yaml:"read_timeout" doc:"A source that sends nothing for this long is disconnected: neither media nor reports nor responses. So is a publisher that does not start to send in this time."`

	ReconnectGrace config.Duration `yaml:"reconnect_grace" doc:"A recording waits this long for a source whose connection was lost. If it comes back with the same tracks, the file goes on, and lists the gap. Else the file ends, as it does at once when a publisher says goodbye. 0 is off."`

	Audio Audio `yaml:"audio" doc:"How sound is recorded."`

	Servers config.Blocks `blocks:"ingest"` // settings of the protocols linked into the program, each under its name
}

// Audio holds the settings of the recorded sound.
type Audio struct {
	G711 string `yaml:"g711" oneof:"lpcm keep" doc:"Form in which G.711 (PCMU, PCMA) is recorded. lpcm: as LPCM of 16 bits, with the same samples in twice the bytes. keep: as it is sent, in the sample entries ulaw and alaw of QuickTime."`
}

// Memory bounds the memory of the process. Each gop_ring has a bound of its own, too.
type Memory struct {
	Max   config.Size `yaml:"max" doc:"Approximate memory of the process. Beyond it whole GOPs are dropped, of the lowest priority first. 0 leaves only the limits of each queue."`
	Pool  config.Size `yaml:"pool" doc:"Total free memory that is kept for reuse."`
	GOP   config.Size `yaml:"gop" doc:"Largest newest GOP of a stream that is kept, so that a recording begins with its key frame."`
	Queue config.Size `yaml:"queue" doc:"Queue between a stream and each of its recordings; beyond it whole GOPs are dropped."`

	MaxArmed  int `yaml:"max_armed" doc:"Most armed streams that have no publisher and are not named in the configuration: started with wait=true, or awaited by an event. One more is refused. 0 is no limit."`
	MaxSeries int `yaml:"max_series" doc:"Most streams with series of their own in GET /metrics; the figures of the others are summed as the stream /others. 0 is no limit."`
}

// Log holds the level and the format of the log.
type Log struct {
	Level  string `yaml:"level" oneof:"debug info warn error"`
	Format string `yaml:"format" oneof:"auto human json" doc:"auto: human on a terminal, else json."`
}
