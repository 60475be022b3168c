/** The release of Kubernetes whose API is served, as `/version` and OpenAPI tell it. */
export const serverVersionText = "v1.34.0+routelb-lab";
