package config

// CommandVariables are the variables that a command of exec is given, by the placeholder
// that stands for the same value. They begin as settings in the environment do, and are
// no settings: a command may be spool itself.
var CommandVariables = map[string]string{
	"path": "SPOOL_PATH", "file": "SPOOL_FILE", "stream": "SPOOL_STREAM", "pipeline": "SPOOL_PIPELINE", "id": "SPOOL_ID",
	"start": "SPOOL_START", "end": "SPOOL_END", "duration": "SPOOL_DURATION", "size": "SPOOL_SIZE", "reason": "SPOOL_REASON",
}
