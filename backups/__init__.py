"""Takes backups of MySQL, Prometheus and Grafana, stores them in a restic repository, and plans their deletion.

It imports neither Prefect nor Great Expectations. Words, one meaning each:

service     one thing to protect, named in `lifeboat.yaml`; its `type` is mysql, prometheus or grafana
source      the live service; its *place* is where its files are: `local:/path`, `docker:container:/path`, `ssh:host:/path`
backup      one capture of one service, `full` or `incremental`: a snapshot in the repository that holds its manifest
chain       a full and the incrementals that build on it; the unit of restore and of deletion
witness     what the source said about itself at the backup's own instant, as facts (subject, metric, value)
manifest    the JSON record of a backup, written last: no manifest, no backup
repository  where backups are kept: a restic repository
copy        a service brought back from a chain, running in a container
run         one execution of a command: its scratch directory, its containers, and the lock that shows it is alive

How one backup is taken: `backups/backup.py`.
"""
