package config

// CommandVariables maps the placeholders of a command of exec to the environment variables with the
// same value. They have the prefix of settings in the environment, and are not settings: a command
// may be spool itself.
var CommandVariables = map[string]string{
	"path": "SPOOL_PATH", "file": "SPOOL_FILE", "stream": "SPOOL_STREAM", "pipeline": "SPOOL_PIPELINE", "id": "SPOOL_ID",
	"start": "SPOOL_START", "end": "SPOOL_END", "duration": "SPOOL_DURATION", "size": "SPOOL_SIZE", "reason": "SPOOL_REASON",
}
