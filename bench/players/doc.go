// Package players implements spool bench players: it measures which programs play the files of spool. For each codec,
// ffmpeg makes a source, spool remux records it in each form of files, and each player plays each file twice: the
// whole, and from the middle on. The pictures and the sound that the player decodes are counted and compared with the
// source. The exit status of a player alone proves nothing.
package players
