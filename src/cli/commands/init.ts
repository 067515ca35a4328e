export declare const runInit: any;
