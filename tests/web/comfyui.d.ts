// What web/host.js uses of ComfyUI's page, in its own words.
declare module '*/scripts/app.js' {
  export const app: any
}
declare module '*/scripts/api.js' {
  export const api: any
}
