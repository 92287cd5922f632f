{{- /* cluster.yaml: what evallab.planning.cluster.config reads. */ -}}
{{- define "evallab.cluster" -}}
image: {{ include "evallab.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
imagePullSecrets: {{ .Values.attempts.imagePullSecrets | toJson }}
serverUrl: {{ include "evallab.url" . }}
serverNamespace: {{ .Release.Namespace }}
serverLabels: {{- include "evallab.selector" (dict "root" . "component" "server") | nindent 2 }}
operatorLabels: {{- include "evallab.selector" (dict "root" . "component" "operator") | nindent 2 }}
{{- with .Values.telemetry.dcgm.service }}
dcgmService: {{ . | quote }}
{{- end }}
modelServerImages: {{ include "evallab.modelServerImages" . }}
providerImages: {{ .Values.providerImages | toJson }}
{{- if .Values.admissionPolicy.enabled }}
allowedImages: {{ .Values.admissionPolicy.allowedImages | default list | toJson }}
{{- end }}
serviceAccount: {{ include "evallab.attemptAccount" . }}
sidecarGraceSeconds: {{ .Values.attempts.sidecarGraceSeconds | int }}
leavingsMib: {{ .Values.attempts.leavingsMib | int }}
jobTtlSeconds: {{ .Values.attempts.jobTtlSeconds | int }}
networkPolicies: {{ .Values.attempts.networkPolicies }}
{{- with .Values.attempts.defaultNetwork }}
defaultNetwork: {{ . | quote }}
{{- end }}
{{- with .Values.admissionPolicy.sandboxRuntimeClass }}
sandboxRuntimeClass: {{ . | quote }}
{{- end }}
refusedPodSeconds: {{ .Values.attempts.refusedPodSeconds | int }}
{{- with .Values.attempts.unschedulableSeconds }}
unschedulableSeconds: {{ . | int }}
{{- end }}
imageSeconds: {{ .Values.attempts.imageSeconds | int }}
configErrorSeconds: {{ .Values.attempts.configErrorSeconds | int }}
watchNamespaces: {{ include "evallab.namespaces" . }}
leaderElection:
  namespace: {{ .Release.Namespace }}
  name: {{ include "evallab.fullname" . }}-operator
{{- end }}

{{- /* The bundled models are served by an image of ours. */ -}}
{{- define "evallab.modelServerImages" -}}
{{- $ours := dict "reference" (printf "docker.io/evallab/demo-model-server:%s" .Chart.AppVersion) -}}
{{ merge (deepCopy .Values.modelServerImages) $ours | toJson }}
{{- end }}

{{- define "evallab.datasetSecrets" -}}
/var/run/secrets/evallab-datasets
{{- end }}

{{- /* config.yaml: what evallab-server reads. */ -}}
{{- define "evallab.server" -}}
{{- $name := include "evallab.fullname" . -}}
{{- $inside := printf "%s.%s" $name .Release.Namespace -}}
{{- $hosts := list $name $inside (printf "%s.svc" $inside) (printf "%s.svc.cluster.local" $inside) -}}
{{- $ours := dict
      "service" (dict "host" "0.0.0.0" "port" 8080)
      "prometheus" (dict "enabled" true)
      "evallab" (dict "hosts" (concat $hosts .Values.server.hosts)) -}}
{{- if .Values.server.datasetSecrets -}}
{{- $_ := set $ours.evallab "dataset_secrets" (include "evallab.datasetSecrets" .) -}}
{{- end -}}
{{ toYaml (mergeOverwrite $ours (deepCopy .Values.server.config)) }}
{{- end }}
