package config

// CommandVariables maps each placeholder in a command of the stage exec to the environment variable that holds
// the same value. Settings from the environment have the same prefix, SPOOL_; the variables listed here are not
// read as settings, because a command may be spool itself.
var CommandVariables = map[string]string{
	"path": "SPOOL_PATH", "file": "SPOOL_FILE", "stream": "SPOOL_STREAM", "pipeline": "SPOOL_PIPELINE", "id": "SPOOL_ID",
	"start": "SPOOL_START", "end": "SPOOL_END", "duration": "SPOOL_DURATION", "size": "SPOOL_SIZE", "reason": "SPOOL_REASON",
}
